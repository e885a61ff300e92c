"""A front: an edge over the edges of several hosts. A request that one of them fails is sent once more, to another."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import psutil

from scripts.errors import UserError
from scripts.locks import hold
from scripts.serving import announcement, changes, exposure, loopback, ports, starting
from scripts.serving.changes import Outcome
from scripts.serving.edge import Edge
from scripts.serving.edge_templates import TEMPLATES
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.places import Places, shown
from scripts.serving.state import State
from scripts.serving.supervisor import Supervisor

RUN_DIR = "run/front"
"""Not that of a server, which may run on the same machine."""
# Workers run on the replicas' machines, whose cores this one does not know.
_CORES_ELSEWHERE = 1024


def read(environment: Mapping[str, str]) -> Installation:
    """Return what the operator's files and the environment want of a front.

    Raises:
        UserError: a mistake in one of them, or `replicas` names no host, or the front itself.
    """
    wanted = Installation.read({"RUN_DIR": RUN_DIR, **environment}, cores=_CORES_ELSEWHERE).without_exporter()
    path, own = shown(wanted.places.traffic), wanted.ports.edge
    if wanted.traffic.replicas is None:
        raise UserError(
            f"{path}: `replicas` names no host; for example `replicas: [{{address: 10.0.0.1, port: 8000}}]`."
        )
    for replica in wanted.traffic.replicas:
        if replica.port == own and replica.address in _addresses(wanted.traffic.edge.address):
            raise UserError(f"{path}: `replicas`: {replica} is this front itself; take it out or set EDGE_PORT.")
    # Copies for a shadow are made by each replica, once.
    return replace(wanted, traffic=wanted.traffic.model_copy(update={"shadow": None}))


def attached(environment: Mapping[str, str], running: State) -> Installation:
    """Return what the operator's files want now of the front that runs; raises as `read` does."""
    return replace(read({**environment, "MODEL": running.model}), ports=running.ports)


def edge(wanted: Installation) -> Edge:
    """Return the front's files."""
    # A key may keep every replica's workers busy, as each of them lets it.
    share = wanted.share * len(wanted.traffic.replicas or ())
    return Edge(wanted.places.run, wanted.ports, wanted.spec.name, TEMPLATES / "front", keys=wanted.keys, share=share)


def servers(run: Supervisor) -> None:
    """Start Envoy; it is up when this returns, whether or not a replica is.

    Raises:
        UserError: a port is taken, or it did not come up.
        Interrupted: a signal came meanwhile.
    """
    wanted = run.wanted
    ports.require_free(wanted.ports.envoy(), wanted.traffic.edge.address)
    run.edge.prepare(wanted.traffic)
    starting.launch_envoy(run, "the front")
    run.watch(lambda: starting.rotate_access_log(run))


def apply(environment: Mapping[str, str], running: State) -> Outcome:
    """Bring the front that runs to traffic.yaml's replicas, the keys and the certificate; no request is lost.

    Raises:
        UserError: another command does so just now, traffic.yaml has a mistake, Envoy refuses it, or the front would be
            open to a network without keys.
    """
    lock = Places.from_environment(environment).run / "change.lock"
    with hold(lock, "another command changes the running front just now; let it end first."):
        wanted = attached(environment, running)
        exposure.require(wanted)
        edge(wanted).apply(wanted.traffic, ())
        renewed = edge(wanted).renew(wanted.traffic)
    now = ", ".join(map(str, wanted.traffic.replicas or []))
    # Of config.properties a front uses nothing.
    other = [each for each in changes.restarts(changes.load_static(wanted), wanted) if each.startswith("traffic.yaml")]
    done = [f"replicas: {now}", *(["the certificate is the one that is in its file now"] if renewed else [])]
    return Outcome(tuple(done), tuple(other))


def facts(wanted: Installation) -> dict[str, Any]:
    """Return where the front is and how its replicas are."""
    admin = Admin(wanted.ports.admin)
    again, well = admin.retries()
    log = edge(wanted).access_log
    return {
        "running": True,
        "url": wanted.url,
        "model": wanted.spec.name,
        "healthz": loopback.status(f"{wanted.url}/healthz", wanted.certificate),
        "replicas": [asdict(replica) for replica in admin.replicas()],
        "sent_again": {"requests": again, "answered": well},
        "ports": wanted.ports.envoy(),
        "access_log": str(log) if log and log.is_file() else None,
        "try": announcement.curl(wanted, f"{wanted.url}/predictions/{wanted.spec.name}"),
    }


def announced(facts: Mapping[str, Any]) -> str:
    """Return what a front that has come up says to a person."""
    return "\n".join([*_head(facts), "try it with an image, this one or your own:", f"  {facts['try']}"])


def text(facts: Mapping[str, Any]) -> str:
    """Return what `make status` says to a person."""
    again, named = facts["sent_again"], ", ".join(f"{name} {port}" for name, port in facts["ports"].items())
    return "\n".join(
        [
            *_head(facts),
            f"sent once more, to another: {again['requests']} requests; {again['answered']} of them were answered",
            f"ports: {named}",
            f"access log: {facts['access_log']}",
        ]
    )


def _head(facts: Mapping[str, Any]) -> list[str]:
    rows = [("replica", "healthz", "now", "requests")]
    for each in facts["replicas"]:
        health = "fails" if not each["healthy"] else "ok, left out for a while" if each["ejected"] else "ok"
        rows.append((f"{each['address']}:{each['port']}", health, str(each["active"]), str(each["requests"])))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [f"front for {facts['model']} at {facts['url']} (healthz {facts['healthz']})", *table]


def _addresses(listening: str) -> set[str]:
    """Return the addresses at which something that listens on `listening` is reached."""
    if listening not in ("0.0.0.0", "::"):
        return {listening}
    return {address.address for interface in psutil.net_if_addrs().values() for address in interface}
