"""The contract of board and PC: frames, messages, quantities, configuration and the link.  No I/O, no clock."""
