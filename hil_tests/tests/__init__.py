"""Tests of the bench itself; the line's own tests stand in scenarios/."""
