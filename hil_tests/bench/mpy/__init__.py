"""Modules that run inside the MicroPython interpreter of the bench, in front of its own."""
