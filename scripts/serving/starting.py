"""What a run consists of, and in which order it comes up."""

from pathlib import Path

from scripts.serving import envoy_process, exporter_process, loopback, ports, torchserve
from scripts.serving.envoy_admin import Admin
from scripts.serving.loopback import NoAnswer
from scripts.serving.management import Management
from scripts.serving.supervisor import Supervisor


def servers(run: Supervisor) -> None:
    """Start TorchServe with every version of traffic.yaml, and the edge in front of it; both are up when this returns.

    The release's metrics come beside them, where what they need is installed.

    Raises:
        UserError: a port is taken, or something did not come up.
        Interrupted: a signal came meanwhile.
    """
    wanted = run.wanted
    ports.require_free(wanted.ports.required(), wanted.traffic.edge.address)
    _torchserve(run, torchserve.Folders(wanted.places.run / "torchserve").output)
    _edge(run)
    if not exporter_process.missing():
        run.accompany("exporter", lambda: exporter_process.start(wanted.places))


def torchserve_alone(run: Supervisor) -> None:
    """Start TorchServe with every version of traffic.yaml, its words among this process's own; raises as `servers`.

    The edge is another process's work, as in a pod, where it is another container's.
    """
    ports.require_free(run.wanted.ports.torchserve(), ports.LOOPBACK)
    _torchserve(run, output=None)


def _torchserve(run: Supervisor, output: Path | None) -> None:
    wanted = run.wanted
    run.launch("torchserve", lambda: torchserve.start(wanted.config, wanted.ports, wanted.places, output), log=output)
    run.wait_for("TorchServe", lambda: _ok(f"http://127.0.0.1:{wanted.ports.inference}/ping"))
    traffic, config, name = wanted.traffic, wanted.config, wanted.spec.name
    model_log = torchserve.Folders(wanted.places.run / "torchserve").model_log
    management = Management(wanted.ports.management, name, model_log)
    # The default first: TorchServe makes the first one its default, and workers come up side by side.
    for version in sorted(traffic.versions, key=lambda version: version != traffic.default):
        management.register(wanted.places.archive(name, version), config.version(name, version))
    for version in traffic.versions:
        workers = config.version(name, version).min_workers
        management.wait_ready(version, workers, run.left_s(), run.check_starting)


def _edge(run: Supervisor) -> None:
    wanted = run.wanted
    run.edge.prepare(wanted.traffic)
    run.launch("envoy", lambda: envoy_process.start(run.edge, wanted.traffic.edge.threads), log=run.edge.log)
    run.wait_for("the edge", Admin(wanted.ports.admin).answers)
    run.edge.wait_taken(run.check_starting)
    run.wait_for("/healthz", lambda: _ok(f"{wanted.url}/healthz"))


def _ok(url: str) -> bool:
    try:
        return loopback.ask("GET", url, timeout_s=5).ok
    except NoAnswer:
        return False
