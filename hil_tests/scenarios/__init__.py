"""Scenarios on the bench, written like a trial protocol: given a line in some state, when this happens, then that."""
