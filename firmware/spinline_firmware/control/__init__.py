"""The pure kernel: whole numbers in and out; no clock, no chips, no allocation in a scan."""
