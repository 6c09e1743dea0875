"""What a bench is made of: the interpreter, the plant, the wire and the faults.  Holds no tests."""
