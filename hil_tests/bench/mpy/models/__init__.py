"""Chips at register level that know nothing of the bench: what they sense is given, so that tests can own it, too."""
