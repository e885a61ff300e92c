"""Whether the ports are free, or this installation's own."""

from collections.abc import Iterator

from scripts.doctoring.finding import Finding, look, of_error, ok
from scripts.errors import UserError
from scripts.serving import ports, state, torchserve
from scripts.serving.installation import Installation
from scripts.serving.places import variable


def findings(wanted: Installation) -> list[Finding]:
    """Return what is found of the ports, and of the path of the workers' sockets."""
    return [*_ports(wanted), _sockets(wanted)]


def _ports(wanted: Installation) -> Iterator[Finding]:
    running = state.running(wanted.places.run)
    if running and running.ports != wanted.ports:
        yield look("ports", "the running server has other ones than the files say now", wanted.restart)
    if running:
        yield ok("ports", f"of the server that runs (pid {running.supervisor.pid})")
        return
    try:
        ports.require_free(wanted.ports.required(), wanted.traffic.edge.address)
    except UserError as error:
        yield of_error("ports", str(error))
    else:
        yield ok("ports", "free: " + ", ".join(f"{name} {port}" for name, port in wanted.ports.required().items()))
    exporter = wanted.ports.exporter
    reason = ports.why_not(ports.LOOPBACK, exporter) if exporter else None
    if reason:
        found = f"port {exporter} (exporter) {reason}: the release's metrics wait for it"
        yield look("ports", found, f"free it or set {variable('exporter')} to another")


def _sockets(wanted: Installation) -> Finding:
    try:
        torchserve.Folders(wanted.places.run / "torchserve").require_short()
    except UserError as error:
        return of_error("run directory", str(error))
    return ok("run directory", "short enough for the workers' sockets")
