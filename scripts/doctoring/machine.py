"""What the system gives: file descriptors, and a clock that make can go by. Standard library only."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from scripts.doctoring.finding import Finding, broken, look, ok

# Envoy's own, and a connection for each caller (scripts/serving/envoy_limits.py); the rest is for comfort.
_FEWEST, _COMFORTABLE = 600, 4096
# File systems round, and machines that share one differ a little.
_AHEAD_S = 5.0
# Before this product was written.
_PAST_S = 1_735_689_600.0


def findings(root: Path) -> list[Finding]:
    """Return what is found; `root` is the checkout."""
    return [descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[1]), clock(root, time.time())]


def descriptors(hard: int) -> Finding:
    """Return what a hard limit of `hard` file descriptors means; resource.RLIM_INFINITY is none."""
    if hard == resource.RLIM_INFINITY or hard >= _COMFORTABLE:
        return ok("open files", "no limit" if hard == resource.RLIM_INFINITY else f"up to {hard}")
    fix = f"raise the hard limit (`ulimit -Hn`, LimitNOFILE= of systemd, --ulimit nofile= of docker) to {_COMFORTABLE}"
    if hard < _FEWEST:
        return broken("open files", f"at most {hard}, of which the edge has a use for about 500 without a caller", fix)
    return look("open files", f"at most {hard}: the edge takes about {hard - 500} connections at once", fix)


def clock(root: Path, now_s: float) -> Finding:
    """Return what is found of the clock, which says `now_s`, in seconds since 1970."""
    if now_s < _PAST_S:
        return broken("clock", "it is before 2025: certificates are refused", "set the clock")
    names = ("requirements.lock", "pyproject.toml", "Makefile", "config.properties", "traffic.yaml", ".venv/.ready")
    files = [root / name for name in names if (root / name).exists()]
    ahead = [path.name for path in files if path.stat().st_mtime > now_s + _AHEAD_S]
    if ahead:
        found = f"{', '.join(ahead)} of the future: make would do work again each time"
        return look("clock", found, f"set the clock, or: touch {' '.join(ahead)}")
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s)))
