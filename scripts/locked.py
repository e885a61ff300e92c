"""A lock file as pip-compile writes it, and the part of it that some of its packages need."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_START = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==", re.MULTILINE)
# `    # via NAME` on one line, or the names on the lines that follow.
_VIA = re.compile(r"^    # via\b(?P<names>.*(?:\n    #   .*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Locked:
    """One package of a lock file.

    Attributes:
        name: in lower case, with `-` for `_` and `.`.
        text: its lines: the pin, the hashes, and which packages ask for it.
        asked_by: the names of these.
    """

    name: str
    text: str
    asked_by: frozenset[str]


def packages(lock: str) -> list[Locked]:
    """Return the packages of a lock file in its order."""
    starts = list(_START.finditer(lock))
    ends = [*(start.start() for start in starts[1:]), len(lock)]
    return [
        Locked(normal(start["name"]), text := lock[start.start() : end], frozenset(_asked_by(text)))
        for start, end in zip(starts, ends, strict=True)
    ]


def part(lock: str, roots: Iterable[str]) -> str:
    """Return the lines of the packages that `roots` name, and of all that these need, as they are.

    A root may be missing from the lock file, as torch is: what it needs is there. Where a package asks for another only
    for an extra that somebody else wants, the other is in too.
    """
    found = packages(lock)
    needed = {normal(root) for root in roots}
    while more := {package.name for package in found if package.asked_by & needed} - needed:
        needed |= more
    return "".join(package.text for package in found if package.name in needed)


def normal(requirement: str) -> str:
    """Return the name in a requirement such as `ruamel.yaml>=1`, as PEP 503 writes it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]).lower()


def _asked_by(text: str) -> list[str]:
    match = _VIA.search(text)
    assert match is not None, f"a package that nothing asks for: {text.splitlines()[0]}"
    return [normal(word) for word in re.findall(r"^[ #]*([A-Za-z0-9._-]+)", match["names"], re.MULTILINE)]
