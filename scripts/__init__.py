"""The project's verbs; each runs as `python -m scripts.NAME`."""

PYTHON = ".venv/bin/python"
"""For commands that a person is told to type, from the repository's root: another Python lacks the packages."""
