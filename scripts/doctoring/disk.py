"""Whether there is room for what will be written. Standard library only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from scripts.doctoring.finding import Finding, broken, look, ok

# Two archives and what TorchServe unpacks of them, twice over; the logs' first days.
_FEWEST, _COMFORTABLE = 100_000_000, 2_000_000_000
# .venv with a CPU build of torch; PyPI's build for Linux is several times that.
_VENV = 2_500_000_000


def findings(root: Path, environment: Mapping[str, str]) -> list[Finding]:
    """Return what is found of the run directory's and the model store's disks, and the checkout's before a set-up."""
    folders = {
        "run directory": root / environment.get("RUN_DIR", "run"),
        "model store": root / environment.get("MODEL_STORE", "model_store"),
    }
    found = [room(f"disk of the {name}", folder, name) for name, folder in folders.items()]
    if not (root / ".venv").exists():
        found.append(room("disk of .venv", root, "checkout", _VENV, _VENV))
    return found


def room(check: str, folder: Path, name: str, fewest: int = _FEWEST, comfortable: int = _COMFORTABLE) -> Finding:
    """Return what is found of the disk that `folder` lies on, or will.

    Args:
        check: of the finding.
        folder: need not be there yet.
        name: what it is called.
        fewest: bytes below which the product does not work.
        comfortable: bytes from which on nothing has to be said.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        variable = {"run directory": "RUN_DIR", "model store": "MODEL_STORE"}.get(name)
        fix = f"set {variable} to a folder that can" if variable else "put the checkout where it can"
        return broken(check, f"{there} can't be written by this user", fix)
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.1f} GB free at {there}"
    if free < fewest:
        return broken(check, f"{said}; {fewest / 1e9:.1f} are needed", f"make room at {there}")
    if free < comfortable:
        return look(check, f"{said}: logs and kept images grow (docs/predictions.md)", f"make room at {there}")
    return ok(check, said)
