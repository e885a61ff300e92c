"""How many connections the edge takes at once: as many as the system gives it file descriptors for."""

import resource

# What Envoy opens besides: listeners, files that it watches, connections to TorchServe.
_OTHERS = 500
_MOST, _FEWEST = 20_000, 100


def max_connections() -> int:
    """Return the callers' connections that an edge takes when it has raised its limit as far as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = _MOST + _OTHERS if hard == resource.RLIM_INFINITY else hard
    return max(min(_MOST, descriptors - _OTHERS), _FEWEST)


def raise_descriptors() -> None:
    """Let this process, and those that it starts, have as many file descriptors as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
