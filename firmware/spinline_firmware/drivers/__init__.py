"""Drivers: the only folder that talks to chips, always through a bus it is given.  No decisions."""
