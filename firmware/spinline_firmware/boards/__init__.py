"""Which pin is what on each board, as data."""
