"""What a check found. Standard library only: the first checks run before anything is installed."""

from __future__ import annotations

from dataclasses import dataclass

OK, LOOK, BROKEN = "ok", "look", "broken"
"""In order; something to look at; something that keeps the product from working as it is wanted."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what, in a word or two.
        state: OK, LOOK or BROKEN.
        found: a phrase, without secrets.
        fix: a command or an edit; empty where nothing has to be done.
    """

    check: str
    state: str
    found: str
    fix: str = ""


def ok(check: str, found: str) -> Finding:
    """Return that something is in order."""
    return Finding(check, OK, found)


def look(check: str, found: str, fix: str) -> Finding:
    """Return something that works, but hardly as it was meant."""
    return Finding(check, LOOK, found, fix)


def broken(check: str, found: str, fix: str) -> Finding:
    """Return something that has to be mended first."""
    return Finding(check, BROKEN, found, fix)


def of_error(check: str, sentence: str) -> Finding:
    """Return what a parser or a verb says of a mistake: `what is wrong; the fix.`."""
    found, _, fix = sentence.rpartition("; ")
    return broken(check, found or sentence, fix.rstrip(".") if found else "see there")
