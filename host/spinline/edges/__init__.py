"""All input and output of the host: serial ports, clock, terminal.  No decisions about the line."""
