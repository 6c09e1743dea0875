"""Pins of the reference board: an RP2350B module with 48 GPIO, one wiring for all three nodes.  Data only.

A board gets the file of its kind as `board.py` when it is provisioned, beside `boot.py` and `main.py`; slots hold none.

Every output pin has a pull-down on the carrier, so that it is off before any code runs.
"""

NAME = "rp2350b"
BAUD = 115200
UART = (0, 0, 1)  # number, transmit, receive; on a bus through a transceiver that finds its direction by itself
BUS_ADDRESS = (38, 39, 5)  # address switch, 1-2-4, closed is 3.3 V: 0 a line of its own, 1 to 7 the address on a bus
SPI = (0, 2, 3, 4, 2000000)  # number, clock, out, in, Hz (MAX31856: 5 MHz at most)
I2C = (1, 6, 7, 400000)  # number, data, clock, Hz
TC_SELECT = (8, 9, 10, 11, 12, 13, 14, 15)
ADS1115_ADDRESS = (0x48, 0x49, 0x4A)
MCP4728_ADDRESS = (0x60, 0x61)
SSR = (16, 17, 18, 19, 20, 21, 22, 23)
SWITCH_OUT = (24, 25, 26, 27, 28, 29, 30, 31)
SWITCH_IN = (32, 33, 34, 35, 36, 37)
ENCODER_A = (40, 42, 36)  # channel B is the next pin; the third has the pins of contacts 4 and 5
HEARTBEAT = 44
PERMIT_OUT = 45  # closes this node's contact in the line_permit chain
PERMIT_IN = 46  # reads the whole chain: 1 is closed
SAFE_PIN = 47  # low at power-on: stay in maintenance

OUTPUTS = SSR + SWITCH_OUT + (HEARTBEAT, PERMIT_OUT)
