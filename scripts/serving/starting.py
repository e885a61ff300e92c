"""What a run consists of, in which order it comes up, and what a server needs that was started again."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from scripts.errors import UserError
from scripts.locks import hold
from scripts.serving import ejections, envoy_process, exporter_process, loopback, ports, registering, torchserve
from scripts.serving.ejecting import Ejecting
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.loopback import NoAnswer
from scripts.serving.management import TIMEOUT_S, Management
from scripts.serving.running import attached
from scripts.serving.supervisor import Supervisor

# Of the supervisor's questions, which it must not wait for.
_PATIENCE_S = 2.0


def servers(run: Supervisor) -> None:
    """Start TorchServe with every version of traffic.yaml, and the edge in front of it; both are up when this returns.

    The release's metrics come beside them, where what they need is installed. A version whose workers can't stay up is
    out of the split from then on.

    Raises:
        UserError: a port is taken, an archive was changed, or something did not come up.
        Interrupted: a signal came meanwhile.
    """
    wanted, places = run.wanted, run.wanted.places
    ports.require_free(wanted.ports.required(), wanted.traffic.edge.address)
    for version in ejections.current(places.run):  # a new start is a new chance
        ejections.readmit(places.run, version)
    _torchserve(run, torchserve.Folders(places.run / "torchserve").output)
    _edge(run)
    if not exporter_process.missing():
        run.accompany("exporter", lambda: exporter_process.start(places))
    run.watch(lambda: rotate_access_log(run))
    run.watch(Ejecting(places.run, run.edge, _management(run, _PATIENCE_S), run.say).look)


def torchserve_alone(run: Supervisor) -> None:
    """Start TorchServe with every version of traffic.yaml, its words among this process's own; raises as `servers`.

    The edge is another process's work, as in a pod, where it is another container's.
    """
    ports.require_free(run.wanted.ports.torchserve(), ports.LOOPBACK)
    _torchserve(run, output=None)


def _torchserve(run: Supervisor, output: Path | None) -> None:
    wanted = run.wanted
    folders = torchserve.Folders(wanted.places.run / "torchserve")
    folders.create()
    folders.model_log.write_bytes(b"")
    run.launch(
        "torchserve",
        lambda: torchserve.start(wanted.config, wanted.ports, wanted.places, output),
        log=output,
        settle=lambda: _registered_again(run),
    )
    run.wait_for("TorchServe", lambda: _pings(run))
    traffic, config, name = wanted.traffic, wanted.config, wanted.spec.name
    management = _management(run)
    # The default first: TorchServe makes the first one its default, and workers come up side by side.
    versions = sorted(traffic.versions, key=lambda version: version != traffic.default)
    # Right before TorchServe reads them.
    verified = [wanted.verified(version) for version in versions]
    for version in versions:
        management.register(wanted.places.archive(name, version), config.version(name, version))
    for archived in verified:
        workers = config.version(name, archived.version).min_workers
        management.wait_ready(archived.version, workers, run.left_s(), run.check_starting)
        registering.require_verified(management, archived)


def _edge(run: Supervisor) -> None:
    wanted = run.wanted
    run.edge.prepare(wanted.traffic)
    launch_envoy(run, "the edge")
    run.wait_for("/healthz", lambda: _ok(f"{wanted.url}/healthz", wanted.certificate))


def launch_envoy(run: Supervisor, name: str) -> None:
    """Start Envoy with the files that are prepared; it has taken them when this returns.

    Raises:
        UserError: it did not come up, or refuses a file; `name` is what it is called then.
        Interrupted: a signal came meanwhile.
    """
    threads, answers = run.wanted.traffic.edge.threads, Admin(run.wanted.ports.admin).answers
    run.launch("envoy", lambda: envoy_process.start(run.edge, threads), log=run.edge.log, settle=answers)
    run.wait_for(name, answers)
    run.edge.wait_taken(run.check_starting)


def _registered_again(run: Supervisor) -> bool:
    """Register what a TorchServe had that was started again; return whether that is done.

    Its workers then come up by themselves, and the edge sees when they are ready.
    """
    if not _pings(run):
        return False
    wanted, management = _files_now(run), _management(run, _PATIENCE_S)
    try:
        with hold(wanted.places.run / "change.lock", "a command that finds TorchServe gone ends soon"):
            registered = [each.version for each in management.describe_all()]
            versions = [version for version in run.edge.opened() if version not in registered]
            for version in sorted(versions, key=lambda version: version != wanted.traffic.default):
                _register_again(wanted, management, version, run.say)
    except UserError:
        return False
    return True


def _register_again(wanted: Installation, management: Management, version: str, say: Callable[[str], None]) -> None:
    try:
        wanted.verified(version)
    except UserError as error:
        say(f"version {version} is not registered again: {error}")
        return
    name = wanted.spec.name
    management.register(wanted.places.archive(name, version), wanted.config.version(name, version))


def _files_now(run: Supervisor) -> Installation:
    """Return what the operator's files say now; at the start, where one has a mistake: the server has to come back."""
    try:
        return attached(os.environ)[0]
    except UserError as error:
        run.say(f"{error} What it said at the start goes on.")
        return run.wanted


def rotate_access_log(run: Supervisor) -> None:
    """Begin a new access log when this one is long enough; whatever is in the way of that."""
    with contextlib.suppress(UserError, OSError):  # a log is no reason to end
        run.edge.rotate_access_log()


def _management(run: Supervisor, timeout_s: float = TIMEOUT_S) -> Management:
    wanted = run.wanted
    model_log = torchserve.Folders(wanted.places.run / "torchserve").model_log
    return Management(wanted.ports.management, wanted.spec.name, model_log, timeout_s)


def _pings(run: Supervisor) -> bool:
    return _ok(f"http://127.0.0.1:{run.wanted.ports.inference}/ping")


def _ok(url: str, certificate: Path | None = None) -> bool:
    try:
        return loopback.ask("GET", url, timeout_s=_PATIENCE_S, certificate=certificate).ok
    except NoAnswer:
        return False
