"""A version's way to all of the traffic, step by step, and back at the first sign of harm."""
