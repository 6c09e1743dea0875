"""Pins of a Raspberry Pi Pico 2 (RP2350A) on the same carrier as a Pico.  Data only; names: boards/__init__.py.

GPIO 23 to 25 and 29 are inside the module.  Functions of the pins: RP2350 datasheet, section 9.4.
Contacts have a pull-down of 4.7 kOhm on the carrier (erratum E9).
"""

NAME = "pico2"
PORT = "rp2"
MPY_ARCH = "armv7em"
IMAGE = "uf2"
WATCHDOG_MS_MAX = 8388
RESET_CAUSE = (0, 1, 0, 3)  # a restart that the firmware asked for is one by the watchdog, too
BAUD = 115200
TX_BUFFER_BYTES = 1024
UART = (0, 0, 1)
BUS_ADDRESS = ()
SPI = (0, 2, 3, 4, 2000000)
I2C = (1, 6, 7, 400000)
TC_SELECT = (10,)
RTD_SELECT = (11,)
RTD_REFERENCE_DOHM = (4300,)
MODBUS = (1, 8, 9, -1, 19200)
ADS1115_ADDRESS = (0x48, 0x49, 0x4A)
MCP4728_ADDRESS = (0x60, 0x61)
FRAM = ()
SSR = (12, 13)
SWITCH_OUT = (14,)
SWITCH_IN = (16, 17)
UNPULLED = ()
ENCODER = ((0, 18, 19), (1, 20, 21), (2, 26, 27))
HEARTBEAT = 5
PERMIT_OUT = 28
PERMIT_IN = 15
SAFE_PIN = 22

OUTPUTS = SSR + SWITCH_OUT + (HEARTBEAT, PERMIT_OUT)
