"""What is in the sockets of a node whose drives are on a bus, in place of `mpy/sockets.py`."""
