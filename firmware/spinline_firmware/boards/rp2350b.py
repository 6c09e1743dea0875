"""Pins of the reference board: an RP2350B module with 48 GPIO, one wiring for all three nodes.  Data only.

A board gets the file of its kind as `board.py` when it is provisioned, beside `boot.py` and `main.py`; slots hold none.
What each name means stands in `boards/__init__.py`.

Every output has a pull-down on the carrier, so that it is off before any code runs; every contact has one of 4.7 kOhm,
for the chip's own holds no input low once it was high (RP2350 datasheet, erratum E9).
"""

NAME = "rp2350b"
PORT = "rp2"
MPY_ARCH = "armv7em"
IMAGE = "uf2"
WATCHDOG_MS_MAX = 8388
RESET_CAUSE = (0, 1, 0, 3)
BAUD = 115200
TX_BUFFER_BYTES = 1024
UART = (0, 0, 1)
BUS_ADDRESS = (38, 39, 5)
SPI = (0, 2, 3, 4, 2000000)
I2C = (1, 6, 7, 400000)
TC_SELECT = (8, 9, 10, 11, 12, 13, 14, 15)
RTD_SELECT = (14, 15)  # sockets 6 and 7 take either chip
RTD_REFERENCE_DOHM = (4300, 43000)
MODBUS = (1, 8, 9, 31, 19200)  # a jumper puts the drives' transceiver in the place of sockets 0 and 1, and of switch 7
ADS1115_ADDRESS = (0x48, 0x49, 0x4A)
MCP4728_ADDRESS = (0x60, 0x61)
FRAM = ()  # (0x50, 8192) where one is mounted: change it when the board is provisioned
SSR = (16, 17, 18, 19, 20, 21, 22, 23)
SWITCH_OUT = (24, 25, 26, 27, 28, 29, 30, 31)
SWITCH_IN = (32, 33, 34, 35, 36, 37)
UNPULLED = ()
ENCODER = ((0, 40, 41), (1, 42, 43), (2, 36, 37))  # the third has the pins of contacts 4 and 5
HEARTBEAT = 44
PERMIT_OUT = 45
PERMIT_IN = 46
SAFE_PIN = 47

OUTPUTS = SSR + SWITCH_OUT + (HEARTBEAT, PERMIT_OUT)
