"""Nobody who runs a verb sends usage data without having asked for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.serving.places import REPOSITORY


@pytest.mark.parametrize("module", ["torchserve_entry", "handler.service"])
def test_onnx_runtime_imported_by_an_archives_own_code_keeps_nothing_in_the_home_directory(
    tmp_path: Path, int8_folder: Path, module: str
) -> None:
    """Under a stock TorchServe, which switches nothing off."""
    imported(f"import {module}", int8_folder, tmp_path)


def test_onnx_runtime_imported_by_a_verb_keeps_nothing_in_the_home_directory(tmp_path: Path) -> None:
    """It would create its store there on import, and send from it later."""
    imported("import scripts, onnxruntime", REPOSITORY, tmp_path)


def imported(statement: str, folder: Path, home: Path) -> None:
    # It is silent by itself where CI is set, which would show nothing.
    quiet = ("CI", "ORT_DISABLE_TELEMETRY", "PYTHONPATH")
    environment = {key: value for key, value in os.environ.items() if key not in quiet} | {"HOME": str(home)}
    subprocess.run([sys.executable, "-c", statement], cwd=folder, env=environment, check=True)
    assert list(home.rglob("*")) == []
