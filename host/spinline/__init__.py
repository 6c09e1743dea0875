"""Spinline, the host side: checks recipes, runs batches, keeps the record.  It never closes a loop."""

__version__ = "0.1.0"
