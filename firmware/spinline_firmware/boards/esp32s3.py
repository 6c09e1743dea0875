"""Pins of an ESP32-S3-WROOM-1 module on its carrier.  Data only; names: boards/__init__.py.

ESP32-S3 datasheet, section 2.2 and 2.6: GPIO 26 to 37 are the flash's and the PSRAM's, 19 and 20 the USB's, 43 and 44
the console's; 0, 3, 45 and 46 are read at reset.
"""

NAME = "esp32s3"
PORT = "esp32"
MPY_ARCH = "xtensawin"
IMAGE = "esptool"
WATCHDOG_MS_MAX = 3600000  # the task watchdog takes more than anybody needs
RESET_CAUSE = (0, 1, 2, 3, 0, 4)  # waking from deep sleep is none of ours; a brown-out comes as 1 or 3
BAUD = 115200
TX_BUFFER_BYTES = 1024
UART = (1, 17, 18)
BUS_ADDRESS = ()
SPI = (1, 12, 11, 13, 2000000)
I2C = (0, 8, 9, 400000)
TC_SELECT = (10,)
RTD_SELECT = (14,)
RTD_REFERENCE_DOHM = (4300,)
MODBUS = (2, 15, 16, -1, 19200)
ADS1115_ADDRESS = (0x48, 0x49, 0x4A)
MCP4728_ADDRESS = (0x60, 0x61)
FRAM = ()
SSR = (4, 5)
SWITCH_OUT = (6, 7)
SWITCH_IN = (1, 2)
UNPULLED = ()
ENCODER = ((0, 39, 40), (1, 41, 42))
HEARTBEAT = 47
PERMIT_OUT = 38
PERMIT_IN = 48
SAFE_PIN = 21

OUTPUTS = SSR + SWITCH_OUT + (HEARTBEAT, PERMIT_OUT)
