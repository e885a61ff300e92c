"""What runs, as one record: asked of the state file, TorchServe, its workers and Envoy."""

from typing import Any

from scripts.canarying import record
from scripts.serving import ejections, exporter_process, loopback
from scripts.serving.live import Live

# A pod's edge, in the other container, writes no file.
_ITS_OUTPUT = "what the edge prints"


def collect(live: Live) -> dict[str, Any]:
    """Return versions, weights, workers, batching, arithmetic, queue, health, ports, the exporter and a canary."""
    wanted = live.wanted
    healthy = live.admin.healthy()
    effective, default = live.edge.split(), live.management.default()
    log = live.edge.access_log
    out = ejections.current(wanted.places.run)
    versions = {}
    for version, description in live.descriptions().items():
        # A worker answers this, so it is asked only where one is ready.
        says = live.management.customized(version) if description.ready else {}
        versions[version] = {
            "weight": wanted.traffic.split.get(version, 0),
            "effective_weight": effective.get(version, 0),
            "shadow_percent": _shadow_percent(live, version),
            "default": version == default,
            "workers": {
                "ready": description.ready,
                "wanted": description.wanted_workers,
                "states": description.workers,
            },
            "batch_size": description.batch_size,
            "max_batch_delay_ms": description.max_batch_delay_ms,
            "queue": description.queue,
            "precision": says.get("precision"),
            "arithmetic": says.get("arithmetic"),
            "healthy": healthy.get(version),
            "ejected": {"since": out[version].time, "reason": out[version].reason} if version in out else None,
        }
    return {
        "running": True,
        "url": wanted.url,
        "model": wanted.spec.name,
        "healthz": loopback.status(f"{wanted.url}/healthz", wanted.certificate),
        "versions": versions,
        "missing": [version for version in wanted.traffic.versions if version not in versions],
        "ports": wanted.ports.tcp(),
        "access_log": str(log) if log and log.is_file() else None,
        "exporter": _exporter(live),
        "canary": _canary(live),
    }


def text(facts: dict[str, Any]) -> str:
    """Return the same for a person."""
    rows = [("version", "weight", "workers", "default", "batch", "precision", "arithmetic", "queue", "healthy")]
    for version, about in facts["versions"].items():
        weight = f"{about['weight']} %"
        weight += f" (now {about['effective_weight']} %)" if about["effective_weight"] != about["weight"] else ""
        weight += f" +{about['shadow_percent']} % shadow" if about["shadow_percent"] else ""
        workers = f"{about['workers']['ready']}/{about['workers']['wanted']} READY"
        batch = f"{about['batch_size']} in {about['max_batch_delay_ms']} ms"
        mark = "yes" if about["default"] else ""
        says = about["precision"] or "?", about["arithmetic"] or "?"
        healthy = {True: "yes", False: "no", None: "?"}[about["healthy"]]
        rows.append((version, weight, workers, mark, batch, *says, str(about["queue"]), healthy))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    ports = ", ".join(f"{name} {port}" for name, port in facts["ports"].items())
    missing = [f"not registered: {version}; `make apply` registers it" for version in facts["missing"]]
    out = [_ejected(version, each["ejected"]) for version, each in facts["versions"].items() if each["ejected"]]
    head = f"{facts['model']} at {facts['url']} (healthz {facts['healthz']})"
    canary = [_walking(facts["canary"])] if facts["canary"] else []
    log = f"access log: {facts['access_log'] or _ITS_OUTPUT}"
    release = [f"release's metrics: {facts['exporter']['text']}"] if facts["exporter"] else []
    return "\n".join([head, *table, *out, *missing, *canary, f"ports: {ports}", *release, log])


def _ejected(version: str, ejection: dict[str, str]) -> str:
    since, reason = ejection["since"], ejection["reason"]
    return (
        f"{version} is out of the split since {since}, for {reason}; back when its workers stay up, or by `make apply`"
    )


def _canary(live: Live) -> dict[str, Any] | None:
    """Return how far the last canary is; None without one."""
    last = record.load(live.wanted.places.run)
    if last is None:
        return None
    return {"version": last.plan.version, "percent": last.percent, "state": last.shown, "reason": last.reason}


def _walking(canary: dict[str, Any]) -> str:
    told = f"canary: {canary['version']} at {canary['percent']} %, {canary['state']}"
    return told + (f": {canary['reason']}" if canary["reason"] else "")


def _exporter(live: Live) -> dict[str, Any] | None:
    """Return where the release's metrics are and whether they can be had; None in a pod, which has none."""
    port, places = live.wanted.ports.exporter, live.wanted.places
    if port is None:
        return None
    missing = exporter_process.missing()
    answers = not missing and exporter_process.answers(port, places.run)
    says = f"not served, as {', '.join(missing)} can't be imported"
    if not missing:
        says = exporter_process.url(port) + ("" if answers else f" does not answer; see {exporter_process.log(places)}")
    return {"port": port, "answers": answers, "text": says}


def _shadow_percent(live: Live, version: str) -> int:
    shadow = live.wanted.traffic.shadow
    return shadow.percent if shadow and shadow.version == version else 0
