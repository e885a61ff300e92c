"""Whether ports are free, and who holds those that are not."""

import socket
from collections.abc import Mapping

import psutil

from scripts.errors import UserError
from scripts.serving.places import variable

LOOPBACK = "127.0.0.1"
# Of those that go by traffic.yaml's `edge.address`; all others are on loopback.
_AT_THE_EDGE = ("edge", "monitoring")


def require_free(ports: Mapping[str, int], edge_address: str) -> None:
    """Return when every port can be bound.

    Args:
        ports: by name.
        edge_address: where the edge listens.

    Raises:
        UserError: two ports are the same number, or one is taken; it names the port, its variable and its holder.
    """
    seen: dict[int, str] = {}
    for name, port in ports.items():
        if port in seen:
            raise UserError(f"{variable(name)} and {variable(seen[port])} are both {port}; give each its own port.")
        seen[port] = name
    for name, port in ports.items():
        address = edge_address if name in _AT_THE_EDGE else LOOPBACK
        reason = why_not(address, port)
        if reason:
            raise UserError(f"port {port} ({name}) {reason}; free it or set {variable(name)} to another.")


def why_not(address: str, port: int) -> str | None:
    """Return why a port can't be bound, to go on after its number; None where it can."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        # Otherwise a port that a connection of the last minute used (TIME_WAIT) reads as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            holder = _holder(port)
            return f"on {address} is taken{holder}" if holder else f"on {address} can't be bound ({error.strerror})"
    return None


def _holder(port: int) -> str:
    """Return who listens on `port`, as far as this user may know."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other users' sockets to root only
        return " by another process"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                return " by another user's process"
            try:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.Error:
                return f" by pid {connection.pid}"
    return ""
