"""Make `.venv` from requirements.lock. Runs before anything is installed: standard library only."""

from __future__ import annotations  # Old Pythons get as far as being told that they are too old.

import argparse
import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
LOCK = ROOT / "requirements.lock"
PYPROJECT = ROOT / "pyproject.toml"
PYTHON = (3, 11)


def torch_requirement() -> str:
    """Return torch's pin, e.g. `torch==2.13.0`."""
    import tomllib  # noqa: PLC0415  (new in 3.11: an older Python has to get as far as being told so)

    dependencies: list[str] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    return next(dependency for dependency in dependencies if dependency.startswith("torch=="))


def wanted(torch_index: str | None) -> str:
    """Return a digest of everything that decides what `.venv` holds."""
    parts = (LOCK.read_text(encoding="utf-8"), torch_requirement(), torch_index or "", sys.version)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def remembered_index() -> str | None:
    """Return the index that torch came from the last time, so that a later set-up needs no variable."""
    lines = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.is_file() else []
    return (lines[1] or None) if len(lines) > 1 else None


def server_runs() -> bool:
    """Return whether a server of this checkout runs: it holds a lock in its run directory (scripts/serve.py)."""
    lock = ROOT / os.environ.get("RUN_DIR", "run") / "lock"
    if not lock.is_file():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def fail(sentence: str) -> int:
    """Print an error and return its exit status."""
    print(f"error: {sentence}", file=sys.stderr)
    return 1


def install_commands(torch_index: str | None) -> list[list[str]]:
    """Return the commands that fill a new virtual environment, in order."""
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # Wheels are only unpacked. A source distribution would run code of its own, with build tools that no lock names.
    pip += ["--only-binary", ":all:"]
    index = ["--index-url", torch_index] if torch_index else []
    return [
        [*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)],
        # Its own dependencies are in the lock; what PyPI's Linux build adds (CUDA) it pins itself.
        [*pip, *index, torch_requirement()],
    ]


def main() -> int:
    """Set up, or say that nothing is to be done; return the exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if sys.version_info[:2] != PYTHON:
        running = ".".join(map(str, sys.version_info[:2]))
        return fail(f"Python 3.11 is needed, this is {running}; run `make setup PYTHON=/path/to/python3.11`.")
    torch_index = os.environ.get("TORCH_INDEX") or remembered_index()
    stamp = f"{wanted(torch_index)}\n{torch_index or ''}\n"
    if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp:
        STAMP.touch()  # make compares times.
        print(".venv is up to date")
        return 0
    if VENV.is_dir() and server_runs():
        return fail(".venv has to be made anew, but a server runs from it; `make stop` first.")
    print(f"making .venv: the packages of {LOCK.name}, then {torch_requirement()}; this takes some minutes", flush=True)
    if not torch_index and sys.platform == "linux":
        print(
            "(PyPI's torch for Linux brings CUDA, several GB; TORCH_INDEX=<PyTorch's CPU index> avoids it)", flush=True
        )
    try:
        # From nothing: pip would keep a torch of another index, and packages that the lock no longer names.
        venv.create(VENV, clear=True, symlinks=True, with_pip=True)
    except subprocess.CalledProcessError:
        return fail("this Python can't make a virtual environment; on Debian and Ubuntu: apt install python3.11-venv")
    for command in install_commands(torch_index):
        done = subprocess.run(command, check=False)
        if done.returncode != 0:
            return fail("pip failed, see above; `make setup` begins again.")
    partial = STAMP.with_suffix(".partial")
    partial.write_text(stamp, encoding="utf-8")
    partial.replace(STAMP)
    print(".venv is ready")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; `make setup` begins again.", file=sys.stderr)
        sys.exit(130)
