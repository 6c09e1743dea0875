"""Runs inside the MicroPython interpreter: a board's life on a flash of its own."""
