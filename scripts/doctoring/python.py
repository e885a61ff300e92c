"""Whether this Python and `.venv` are those that the lock file is for. Standard library only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from scripts import setup
from scripts.doctoring.finding import Finding, broken, look, ok


def findings(environment: Mapping[str, str], running: tuple[int, int] = sys.version_info[:2]) -> list[Finding]:
    """Return what is found of Python, `.venv` and the index that torch came from.

    Args:
        environment: in which `make setup` would run.
        running: version of the Python that asks.
    """
    named = ".".join(map(str, running))
    if running != setup.PYTHON:
        # Of another one nothing else is known: what `.venv` has to be depends on it.
        return [broken("Python", f"3.11 is needed, this is {named}", "make setup PYTHON=/path/to/python3.11")]
    return [ok("Python", named), _venv(environment), _index(environment)]


def _venv(environment: Mapping[str, str]) -> Finding:
    if not setup.STAMP.is_file():
        return broken(".venv", "not made yet" if not setup.VENV.exists() else "not made to its end", "make setup")
    made = setup.stamped().splitlines()
    if made[:1] != [setup.wanted(environment.get("TORCH_INDEX") or setup.remembered_index())]:
        first = "make stop; " if setup.server_runs() else ""
        found = f"made before {setup.LOCK.name}, torch's pin or Python changed"
        return look(".venv", found, f"{first}make setup")
    if made[2:] != [setup.wanted_client()]:
        return look(".venv", "the client in it is not installed as client/pyproject.toml says now", "make setup")
    return ok(".venv", f"fits {setup.LOCK.name}")


def _index(environment: Mapping[str, str]) -> Finding:
    remembered, given = setup.remembered_index(), environment.get("TORCH_INDEX")
    if remembered and given and given != remembered:
        found = f"{_shown(given)} is given, {_shown(remembered)} was used: the next set-up makes .venv anew"
        return look("TORCH_INDEX", found, "unset TORCH_INDEX")
    if remembered:
        return ok("TORCH_INDEX", f"{_shown(remembered)}, remembered by make setup")
    if given:
        return ok("TORCH_INDEX", f"{_shown(given)}, which make setup will remember")
    if sys.platform == "linux" and not setup.STAMP.is_file():
        found = "not set: PyPI's torch for Linux brings CUDA, several GB that nothing here uses"
        return look("TORCH_INDEX", found, "make setup TORCH_INDEX=<PyTorch's CPU index>")
    return ok("TORCH_INDEX", "not set: torch is PyPI's")


def _shown(index: str) -> str:
    """Return an index without what its address may have of secrets: name and password, or a token in the query."""
    parts = urlsplit(index)
    hidden = "…@" if "@" in parts.netloc else ""
    return parts._replace(netloc=hidden + parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
