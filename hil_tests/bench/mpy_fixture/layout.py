"""Layout of the lock-step frames of a fixture board, in place of the nodes' own.  Data only."""

CONVERTED_N = 28  # seven converters of four channels, microvolt
ENCODERS_N = 2
PINS_N = 48
INPUTS_FROM = 16  # the pin whose level is bit 0 of CONTACTS
RX_BYTES_MAX = 1024

# Down: words of 32 bits, then the bytes received
NOW = 0  # ms
ANALOG = 1
CONTACTS = ANALOG + CONVERTED_N
EXPANDER = CONTACTS + 1  # levels at the inputs of the third expander
COUNTS = EXPANDER + 1
I2C_DEAD = COUNTS + ENCODERS_N
STANDS = 1 << 8  # no converter of the fixture stands
LONGER_MS = I2C_DEAD + 1  # as of a node
RX_N = LONGER_MS + 1
DOWN_WORDS = RX_N + 1
DOWN = "<%di" % DOWN_WORDS

# Up: the same head as a node's, pin levels, then words of 16 bits
STIMULI_N = 20  # codes of five DACs
OPEN_AND_SHORT = STIMULI_N  # latches of the two expanders
LOOPS_OPEN = OPEN_AND_SHORT + 1
TURNING = LOOPS_OPEN + 1  # of each encoder, the lower half first
DAC_N = TURNING + 2 * ENCODERS_N
UP_HEAD = "<HIB"
UP = UP_HEAD + "%ds%dH" % (PINS_N, DAC_N)
