"""Faults, one after the other, against a live product under load."""
