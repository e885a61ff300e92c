"""What a container or a service unit leaves of the machine (cgroup v2, or v1)."""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
# In v1, no limit is a number near 2^63.
_NO_LIMIT = 1 << 60


def cores(root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Return how many processors' time there is; None: no limit.

    Args:
        root: where the file system of cgroups is mounted.
        own: which groups this process is in.
    """
    found = []
    for folder in _folders(root, own):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        if quota.isdigit():
            found.append(int(quota) / int(period))
    quota, period = (_text(root / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota.isdigit() and period.isdigit():
        found.append(int(quota) / int(period))
    return min(found, default=None)


def memory_left(root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Return how many bytes there are below the limit, what files are cached in counted as free; None: no limit."""
    found = []
    for folder in _folders(root, own):
        found += _left(folder, "memory.max", "memory.current", "inactive_file")
    found += _left(root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    return min(found, default=None)


def _left(folder: Path, limit: str, usage: str, cached: str) -> list[int]:
    most, used = _text(folder / limit), _text(folder / usage)
    if not most.isdigit() or not used.isdigit() or int(most) >= _NO_LIMIT:
        return []
    lines = (line.split() for line in _text(folder / "memory.stat").splitlines())
    files = sum(int(line[1]) for line in lines if line[0] == cached)
    return [int(most) - int(used) + files]


def _folders(root: Path, own: Path) -> list[Path]:
    """Return this process's group and those that it is in, as far as they can be seen: each has its limit."""
    lines = (line.partition("::") for line in _text(own).splitlines())
    path = next((root / name.lstrip("/") for first, _, name in lines if first == "0"), root)
    return [folder for folder in (path, *path.parents) if folder == root or root in folder.parents]


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
