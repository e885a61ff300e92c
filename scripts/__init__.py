"""The project's verbs; each runs as `python -m scripts.NAME`."""
