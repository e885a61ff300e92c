"""Trained models side by side: how steady a recipe is, what its parts buy, what smaller and larger ones cost."""
