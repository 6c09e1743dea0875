"""Layout of the two lock-step frames and of a replay's, read by the interpreter's side and by the bench.  Data only."""

TC_N = 8
ANALOG_N = 12  # three converters of four channels, microvolt at the shunt
ENCODERS_N = 3
PINS_N = 48
INPUTS_FROM = 32  # the pin whose level is bit 0 of CONTACTS
DAC_N = 8
RTD_N = 2
DRIVES_N = 2  # at addresses 1 and 2 of the bus
RX_BYTES_MAX = 1024
I2C_ADDRESSES = (0x48, 0x49, 0x4A, 0x60, 0x61)  # three converters, two DACs

# Down: words of 32 bits, then the bytes received.  The interpreter's side reads them in place, without an object each.
NOW = 0  # ms
TC = 1  # codes, 1/128 degC
TC_FAULT = TC + TC_N  # fault register
ANALOG = TC_FAULT + TC_N  # microvolt
CONTACTS = ANALOG + ANALOG_N  # one bit each
COUNTS = CONTACTS + 1  # of the encoders
SPI_DEAD = (
    COUNTS + ENCODERS_N
)  # for each thermocouple chip 0 alive, data line stuck 1 low, 2 high, 3 has lost its settings
I2C_DEAD = SPI_DEAD + TC_N  # one bit each address of I2C_ADDRESSES that does not acknowledge; from STANDS on one
STANDS = 1 << 8  # bit each converter that does not convert
RTD = I2C_DEAD + 1  # codes at the terminals, 0 to 32767
RTD_WRONG = RTD + RTD_N  # bits of what is wrong there
DRIVE_FREQUENCY = RTD_WRONG + RTD_N  # of what turns, 0.01 Hz
DRIVE_CURRENT = DRIVE_FREQUENCY + DRIVES_N  # 0.01 A
DRIVE_HARM = DRIVE_CURRENT + DRIVES_N  # of models/drive_model.py
LONGER_MS = DRIVE_HARM + DRIVES_N  # so much longer does every scan take, as of a collection of garbage
RX_N = LONGER_MS + 1  # how many bytes follow
DOWN_WORDS = RX_N + 1
DOWN = "<%di" % DOWN_WORDS

# Up: length of all, wake-up time in ms, watchdog fed, pin levels, DAC codes, frequencies that the drives are told in
# 0.01 Hz; the transmitted bytes follow.
UP_HEAD = "<HIB"
RESTART = 0xFFFFFFFF  # in place of the wake-up time: the board starts anew
UP = UP_HEAD + "%ds%dH" % (PINS_N, DAC_N + DRIVES_N)

# Replay, down: kind and number of words, then words of 32 bits.  A scan: lease in ms, late, permit, then number,
# quality and raw number of each input.  Up: the record of a scan, one byte of result code for everything else.
SCAN, REBUILD, RETUNE, COMMAND, SETPOINT, MODE = range(6)
REPLAY_HEAD = "<BH"
SCAN_HEAD_WORDS = 3
