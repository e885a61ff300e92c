"""The project's verbs; each runs as `python -m scripts.NAME`."""

import os

# ONNX Runtime's own builds for Linux and macOS send usage data, and keep a number for the machine in ~/.cache, unless
# this is set before they are imported (1.29 and later; microsoft/onnxruntime#27379). TorchServe's workers inherit it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

PYTHON = ".venv/bin/python"
"""For commands that a person is told to type, from the repository's root: another Python lacks the packages."""
