"""First code after power-on: every output off, before anything that could fail.  Never updated in the field."""

import machine
from board import OUTPUTS

for _pin in OUTPUTS:
    machine.Pin(_pin, machine.Pin.OUT, value=0)
