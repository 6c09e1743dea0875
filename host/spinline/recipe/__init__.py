"""Recipes and lot certificates: their models, their check against claims and windows, their parameters."""
