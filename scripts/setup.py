"""Make `.venv`: requirements.lock, and client/. Runs before anything is installed: standard library only."""

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
CLIENT = ROOT / "client"
PIP_INSTALL = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
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


def wanted_client() -> str:
    """Return a digest of what decides how the client is installed; its code is used where it lies."""
    return hashlib.sha256((CLIENT / "pyproject.toml").read_bytes()).hexdigest()


def stamped() -> str:
    """Return what the last set-up wrote when it was done; empty: there was none."""
    return STAMP.read_text(encoding="utf-8") if STAMP.is_file() else ""


def remembered_index() -> str | None:
    """Return the index that torch came from the last time, so that a later set-up needs no variable."""
    lines = stamped().splitlines()
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
    # Wheels are only unpacked. A source distribution would run code of its own, with build tools that no lock names.
    pip = [*PIP_INSTALL, "--only-binary", ":all:"]
    index = ["--index-url", torch_index] if torch_index else []
    return [
        [*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)],
        # Its own dependencies are in the lock; what PyPI's Linux build adds (CUDA) it pins itself.
        [*pip, *index, torch_requirement()],
    ]


def client_command() -> list[str]:
    """Return the command that installs the client, so that a change of its code is in effect at once."""
    # Built by the lock's setuptools; nothing is asked of an index.
    return [*PIP_INSTALL, "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(CLIENT)]


def make_environment(torch_index: str | None) -> str | None:
    """Make `.venv` with all but the client; return what went wrong, None: nothing did."""
    if VENV.is_dir() and server_runs():
        return ".venv has to be made anew, but a server runs from it; `make stop` first."
    print(f"making .venv: the packages of {LOCK.name}, then {torch_requirement()}; this takes some minutes", flush=True)
    if not torch_index and sys.platform == "linux":
        print(
            "(PyPI's torch for Linux brings CUDA, several GB; TORCH_INDEX=<PyTorch's CPU index> avoids it)", flush=True
        )
    try:
        # From nothing: pip would keep a torch of another index, and packages that the lock no longer names.
        venv.create(VENV, clear=True, symlinks=True, with_pip=True)
    except subprocess.CalledProcessError:
        return "this Python can't make a virtual environment; on Debian and Ubuntu: apt install python3.11-venv"
    return first_failure(install_commands(torch_index))


def first_failure(commands: list[list[str]]) -> str | None:
    """Run one command after the other; return what to say when one fails."""
    for command in commands:
        if subprocess.run(command, check=False).returncode != 0:
            return "pip failed, see above; `make setup` begins again."
    return None


def main() -> int:
    """Set up, or say that nothing is to be done; return the exit status."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if sys.version_info[:2] != PYTHON:
        running = ".".join(map(str, sys.version_info[:2]))
        return fail(f"Python 3.11 is needed, this is {running}; run `make setup PYTHON=/path/to/python3.11`.")
    torch_index = os.environ.get("TORCH_INDEX") or remembered_index()
    packages = f"{wanted(torch_index)}\n{torch_index or ''}\n"
    stamp = f"{packages}{wanted_client()}\n"
    if stamped() == stamp:
        STAMP.touch()  # make compares times.
        print(".venv is up to date")
        return 0
    if VENV.is_symlink():
        # Whoever else works with it would have it emptied, or use this checkout's client.
        return fail(f".venv has to be changed, but it is a link to {VENV.resolve()}; remove the link, or set up there.")
    # Of the client alone it is a matter of seconds, also while a server runs.
    failure = None if stamped().startswith(packages) else make_environment(torch_index)
    failure = failure or first_failure([client_command()])
    if failure:
        return fail(failure)
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
