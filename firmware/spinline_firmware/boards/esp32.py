"""Pins of an ESP32-WROOM-32 DevKit on its carrier: a small node.  Data only; names: boards/__init__.py.

ESP32 datasheet, section 2.2 and 2.4: GPIO 6 to 11 are the flash's, 1 and 3 the console's, 34 to 39 are inputs without
pulls; 0, 2, 5, 12 and 15 are read at reset and 14 moves then.  5 is one of them, wants to be high and has a pull-up: it
is a select line; so is 14, which may move there.
"""

NAME = "esp32"
PORT = "esp32"
MPY_ARCH = "xtensawin"
IMAGE = "esptool"
WATCHDOG_MS_MAX = 3600000  # the task watchdog takes more than anybody needs
RESET_CAUSE = (0, 1, 2, 3, 0, 4)  # waking from deep sleep is none of ours; a brown-out comes as 1 or 3
BAUD = 115200
TX_BUFFER_BYTES = 1024
UART = (2, 17, 16)
BUS_ADDRESS = ()
SPI = (2, 18, 23, 19, 2000000)
I2C = (0, 21, 22, 400000)
TC_SELECT = (5,)
RTD_SELECT = (14,)
RTD_REFERENCE_DOHM = (4300,)
MODBUS = ()  # no pins are left for it
ADS1115_ADDRESS = (0x48, 0x49, 0x4A)
MCP4728_ADDRESS = (0x60, 0x61)
FRAM = ()
SSR = (25, 26)
SWITCH_OUT = (32, 33)
SWITCH_IN = (36,)
UNPULLED = (34, 35, 36, 39)
ENCODER = ((0, 34, 35),)
HEARTBEAT = 4
PERMIT_OUT = 13
PERMIT_IN = 39
SAFE_PIN = 27

OUTPUTS = SSR + SWITCH_OUT + (HEARTBEAT, PERMIT_OUT)
