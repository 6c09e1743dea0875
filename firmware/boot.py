"""First code after power-on: every output off, before anything that could fail.  Never updated in the field."""

import machine

# RP2350B carrier: time-proportioned outputs 16-23, switches 24-31, heartbeat 44, permit contact 45
for _pin in (16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 44, 45):
    machine.Pin(_pin, machine.Pin.OUT, value=0)
