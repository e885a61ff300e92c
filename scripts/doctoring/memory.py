"""Whether the configured workers fit into memory."""

import psutil

from scripts.doctoring import cgroup
from scripts.doctoring.finding import Finding, broken, look, ok
from scripts.serving import sizes, state
from scripts.serving.installation import Installation

_MIB = 2**20


def finding(wanted: Installation, left_bytes: int | None = None) -> Finding:
    """Return what is found of the memory beside what the servers will take.

    Args:
        wanted: the operator's files.
        left_bytes: that is free; None: asks the system and the container's limit.
    """
    settings = [wanted.config.version(wanted.spec.name, version) for version in wanted.traffic.versions]
    workers, most = sum(each.min_workers for each in settings), sum(each.max_workers for each in settings)
    needed = sizes.SERVER_MIB + workers * sizes.WORKER_MIB + sizes.ENVOY_MIB
    edge = wanted.traffic.edge.max_memory_bytes // _MIB + sizes.ENVOY_MIB
    limit = sizes.SERVER_LIMIT_MIB + most * sizes.WORKER_LIMIT_MIB + edge
    if left_bytes is None:
        under = cgroup.memory_left()
        available = psutil.virtual_memory().available
        left_bytes = min(available, under) if under is not None else available
    left = left_bytes // _MIB + _own(wanted)
    said = f"{left:,} MiB for {workers} workers, which need about {needed:,}, and {limit:,} at most (large images)"
    if left < needed:
        return broken("memory", said, "lower minWorkers, or take versions without traffic out of traffic.yaml")
    if left < limit:
        return look("memory", said, "lower maxWorkers, edge.max_memory_bytes or handler.max_megapixels")
    return ok("memory", said)


def _own(wanted: Installation) -> int:
    """Return the MiB that the running server has already: they are not free, and not needed once more."""
    running = state.running(wanted.places.run)
    members = [process for record in running.servers.values() for process in record.members()] if running else []
    total = 0
    for process in members:
        try:
            total += process.memory_info().rss
        except psutil.Error:  # gone, or another user's
            continue
    return total // _MIB
