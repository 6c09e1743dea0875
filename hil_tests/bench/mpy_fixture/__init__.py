"""Modules that run inside the interpreter of a fixture board, in front of the nodes' own."""
