"""Nobody who runs a verb sends usage data without having asked for it."""

import os
import subprocess
import sys
from pathlib import Path

from scripts.serving.places import REPOSITORY


def test_onnx_runtime_imported_by_a_verb_keeps_nothing_in_the_home_directory(tmp_path: Path) -> None:
    """It would create its store there on import, and send from it later."""
    # It is silent by itself where CI is set, which would show nothing.
    quiet = ("CI", "ORT_DISABLE_TELEMETRY")
    environment = {key: value for key, value in os.environ.items() if key not in quiet} | {"HOME": str(tmp_path)}
    command = [sys.executable, "-c", "import scripts, onnxruntime"]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
