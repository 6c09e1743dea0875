"""Layout of the two lock-step frames, read by the interpreter's side and by the bench.  Data only."""

TC_N = 8
ANALOG_N = 12  # three converters of four channels, microvolt at the shunt
ENCODERS_N = 2
PINS_N = 48
DAC_N = 8
RX_BYTES_MAX = 1024

# down: now in ms, thermocouple codes (1/128 degC), fault bits, shunt voltages in uV, contacts, counts, bytes received
DOWN = "<i8i8s12iI2iH"
# up: total length, wake-up time in ms, pin levels, DAC codes, watchdog fed; the transmitted bytes follow
UP = "<HI48s8HB"
