"""How many connections the edge takes at once: as many as the system gives it file descriptors for."""

import resource

# What Envoy opens besides: listeners, files that it watches, connections to TorchServe.
_OTHERS = 500
_MOST, _FEWEST = 20_000, 100


def max_connections() -> int:
    """Return the callers' connections that an edge takes when it has raised its limit as far as it may."""
    return max(_descriptors() - _OTHERS, _FEWEST)


def raise_descriptors() -> None:
    """Let this process, and those that it starts, have as many file descriptors as an edge has a use for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft not in (hard, resource.RLIM_INFINITY):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, _descriptors()), hard))


def _descriptors() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _OTHERS
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
