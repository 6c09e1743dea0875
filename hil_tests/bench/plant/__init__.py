"""The simulated spinning line: equations only.  It must never read a wall clock or know a protocol."""
