"""Make `.venv-bench`, the peers' own environment, from benchmarks/requirements.lock."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from scripts import cli
from scripts.errors import UserError
from scripts.setup import ROOT, torch_requirement

ENVIRONMENT = ROOT / ".venv-bench"
LOCK = ROOT / "benchmarks" / "requirements.lock"
OPERATORS = ROOT / "benchmarks" / "peers" / "torchvision_operators.py"


def main() -> None:
    """Install the peers; nothing of theirs goes into the product's environment."""
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    pip += ["--only-binary", ":all:"]  # As in scripts/setup.py.
    torch_index = os.environ.get("TORCH_INDEX")
    print("making .venv-bench; this takes some minutes", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True, symlinks=True)
    _run([*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)])
    # As in scripts/setup.py: its own dependencies are in the lock.
    _run([*pip, *(["--index-url", torch_index] if torch_index else []), torch_requirement()])
    if subprocess.run([*pip[:1], "-c", "import torchvision"], capture_output=True, check=False).returncode != 0:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        shutil.copy(OPERATORS, Path(ENVIRONMENT, "lib", version, "site-packages", "sitecustomize.py"))
        _run([*pip[:1], "-c", "import torchvision"])
    (ENVIRONMENT / ".ready").touch()
    print(".venv-bench is ready")


def _run(command: list[str]) -> None:
    if subprocess.run(command, check=False).returncode != 0:
        raise UserError("it failed, see above; `make bench-setup` begins again where that is possible.")


if __name__ == "__main__":
    cli.run(main)
