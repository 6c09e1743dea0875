"""Tuning of a loop from an experiment: identified model, robust gains, margins.  Pure: plain numbers in and out."""
