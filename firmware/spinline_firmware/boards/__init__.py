"""Which pin is what on each board, as data: one file for each kind, with the same names in all of them.

A file goes to the root of a board when it is provisioned and is never updated in the field: it imports nothing, and
nothing of a slot is needed to read it.  ``firmware/tests/test_boards.py`` proves each against the limits of its chip.

| name | meaning |
|---|---|
| NAME | of the kind of board; a slot's manifest names it |
| PORT | of MicroPython: rp2, esp32 or stm32; which modules and which arguments of constructors there are |
| MPY_ARCH | of mpy-cross, for the machine code in a slot's files |
| IMAGE | how the interpreter comes on the board: uf2, esptool or dfu |
| WATCHDOG_MS_MAX | longest time of the chip's watchdog |
| RESET_CAUSE | at the number that `machine.reset_cause()` gives: the number in `RESETS` below |
| BAUD, TX_BUFFER_BYTES | of the host's line; 0 where the port's UART keeps nothing to send |
| UART | number, transmit, receive of the host's line |
| BUS_ADDRESS | address switch, 1-2-4, closed is 3.3 V: 0 a line of its own, else the address |
| SPI | number, clock, out, in, Hz (MAX31856 and MAX31865: 5 MHz at most) |
| I2C | number, data, clock, Hz |
| TC_SELECT, RTD_SELECT | selects of thermocouple and resistance converters; pull-ups keep them high |
| RTD_REFERENCE_DOHM | reference resistor of each resistance converter, 0.1 Ohm: 4300 for Pt100, 43000 for Pt1000 |
| MODBUS | number, transmit, receive, driver enable (-1: the transceiver finds it), baud; of the drives' bus |
| ADS1115_ADDRESS, MCP4728_ADDRESS | converters on the I2C |
| FRAM | address on the I2C and bytes of the memory that keeps the events; none: they are kept in files |
| SSR, SWITCH_OUT, SWITCH_IN | pins of the ports, in order |
| UNPULLED | inputs that have no pull of their own: the carrier has it |
| ENCODER | unit, channel A, channel B; the unit is a state machine, a pulse counter or a timer |
| HEARTBEAT | toggles with every scan, for the external watchdog relay |
| PERMIT_OUT, PERMIT_IN | closes this node's contact in the line_permit chain; reads the whole chain, 1 is closed |
| SAFE_PIN | low at power-on: stay in maintenance |
| OUTPUTS | what `boot.py` sets to 0 before anything else |

The host's line is a UART with a bridge or a transceiver on the carrier on every board, also where the module has a USB
socket: that is MicroPython's console, and `firmware/DECISIONS.md` says why no scan may depend on it.
"""

# why a board started (HELLO_ACK, and the source of the event BOOT); the words stay off the board, whose heap is small
RESETS = ("unknown", "power on", "hard", "watchdog", "soft", "brown-out")
