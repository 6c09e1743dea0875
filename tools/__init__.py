"""Benchmarks, golden-file makers and checks of the house.  Nothing imports this package."""
