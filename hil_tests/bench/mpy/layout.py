"""Layout of the two lock-step frames, read by the interpreter's side and by the bench.  Data only."""

TC_N = 8
ANALOG_N = 12  # three converters of four channels, microvolt at the shunt
ENCODERS_N = 2
PINS_N = 48
DAC_N = 8
RX_BYTES_MAX = 1024

# Down: words of 32 bits, then the bytes received.  The interpreter's side reads them in place, without an object each.
NOW = 0  # ms
TC = 1  # codes, 1/128 degC
TC_FAULT = TC + TC_N  # fault register
ANALOG = TC_FAULT + TC_N  # microvolt
CONTACTS = ANALOG + ANALOG_N  # one bit each
COUNTS = CONTACTS + 1  # of the encoders
RX_N = COUNTS + ENCODERS_N  # how many bytes follow
DOWN_WORDS = RX_N + 1
DOWN = "<%di" % DOWN_WORDS

# Up: length of all, wake-up time in ms, watchdog fed, pin levels, DAC codes; the transmitted bytes follow.
UP_HEAD = "<HIB"
UP = UP_HEAD + "%ds%dH" % (PINS_N, DAC_N)
