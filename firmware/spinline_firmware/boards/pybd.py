"""Pins of a Pyboard D (PYBD-SF6W, STM32F767) on its carrier.  Data only; names: boards/__init__.py.

What must be true of it: an interpreter with littlefs (built with MICROPY_VFS_LFS2) and a flash formatted as VfsLfs2 -
as delivered it is FAT, which no cut of power may meet.  Numbers of a UART, an SPI and an I2C have their pins by the
board's definition; they stand here to be counted.  STM32F767 datasheet, table 13: alternate functions of the timers.
"""

NAME = "pybd"
PORT = "stm32"
MPY_ARCH = "armv7em"
IMAGE = "dfu"
WATCHDOG_MS_MAX = 32768
RESET_CAUSE = (4, 1, 2, 3, 0)  # a brown-out comes as a power-on
BAUD = 115200
TX_BUFFER_BYTES = 0
UART = (1, "Y1", "Y2")
BUS_ADDRESS = ()
SPI = (1, "X6", "X8", "X7", 2000000)
I2C = (1, "X10", "X9", 400000)
TC_SELECT = ("X5",)
RTD_SELECT = ("X11",)
RTD_REFERENCE_DOHM = (4300,)
MODBUS = (3, "Y9", "Y10", -1, 19200)
ADS1115_ADDRESS = (0x48, 0x49, 0x4A)
MCP4728_ADDRESS = (0x60, 0x61)
FRAM = ()
SSR = ("Y11", "Y12")
SWITCH_OUT = ("Y5",)
SWITCH_IN = ("Y7", "Y8")
UNPULLED = ()
ENCODER = ((2, "X1", "X2"), (3, "Y3", "Y4"))
HEARTBEAT = "X12"
PERMIT_OUT = "X3"
PERMIT_IN = "X4"
SAFE_PIN = "Y6"

OUTPUTS = SSR + SWITCH_OUT + (HEARTBEAT, PERMIT_OUT)
