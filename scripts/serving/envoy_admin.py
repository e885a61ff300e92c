"""Envoy's admin interface: which configuration it has taken, and how its parts are."""

import re
from dataclasses import dataclass
from typing import Any

from scripts.errors import UserError
from scripts.serving import loopback
from scripts.serving.loopback import Answer, NoAnswer

_TIMEOUT_S = 5.0
# The statistics of each file that Envoy watches, by the file's name without its ending.
_PREFIXES = {
    "tls": "sds.tls",
    "limits": "extension_config_discovery.http_filter.limits",
    "shares": "extension_config_discovery.http_filter.shares",
    "keys": "extension_config_discovery.http_filter.keys",
    "clusters": "cluster_manager.cds",
    "routes": "http.edge.rds.edge",
    "shadow": "http.shadow.rds.shadow",
    "health": "extension_config_discovery.http_filter.healthz",
}
_STATISTIC = re.compile(r"(?P<name>\S+): \"?(?P<value>[^\"]*)\"?")


@dataclass(frozen=True)
class Taken:
    """What Envoy did with one file.

    Attributes:
        version: version_info of the file in effect.
        refusals: how many files it has refused since its start.
    """

    version: str
    refusals: int


class Admin:
    """Asks the Envoy of this machine."""

    def __init__(self, port: int) -> None:
        """Talk to the admin port; nothing is opened before the first question."""
        self._base = f"http://127.0.0.1:{port}"

    def answers(self) -> bool:
        """Return whether Envoy is up and serves (`/ready` says LIVE)."""
        try:
            return self._get("/ready").ok
        except UserError:
            return False

    def taken(self) -> dict[str, Taken]:
        """Return what Envoy has taken, by file."""
        found = _parse(self._get("/stats", filter="(version_text|update_rejected|update_failure|config_fail)$").text)
        return {
            name: Taken(
                version=found.get(f"{prefix}.version_text", ""),
                refusals=sum(
                    int(found.get(f"{prefix}.{key}", "0"))
                    for key in ("update_rejected", "update_failure", "config_fail")
                ),
            )
            for name, prefix in _PREFIXES.items()
        }

    def active_requests(self) -> int:
        """Return how many requests the edge works on, copies for a shadow too, also those that it still holds back."""
        found = _parse(self._get("/stats", filter=r"^http\.(edge|shadow)\.downstream_rq_active$").text)
        return sum(int(count) for count in found.values())

    def active_by_version(self, version: str) -> int:
        """Return how many requests wait for an answer of `version`."""
        name = f"cluster.version-{version}.upstream_rq_active"
        return int(_parse(self._get("/stats", filter=f"^{re.escape(name)}$").text).get(name, "0"))

    def healthy(self) -> dict[str, bool]:
        """Return by version whether it has a ready worker, in the eyes of the active health check."""
        document: dict[str, Any] = self._get("/clusters", format="json").json()
        clusters = {item["name"]: item.get("host_statuses", []) for item in document.get("cluster_statuses", [])}
        return {
            name.removeprefix("version-"): all(
                not host["health_status"].get("failed_active_health_check") for host in hosts
            )
            for name, hosts in clusters.items()
            if name.startswith("version-")
        }

    def drain(self) -> None:
        """Close the listeners, and each connection with its next answer; requests under way go on."""
        self.fail_health()
        self._call("POST", "/drain_listeners")

    def fail_health(self) -> None:
        """Answer /healthz with 503, and close each connection with its next answer; new ones are still taken."""
        # Failing its own health check makes Envoy put `connection: close` on every answer (DrainManagerImpl).
        self._call("POST", "/healthcheck/fail")

    def pass_health(self) -> None:
        """Take back `fail_health`."""
        self._call("POST", "/healthcheck/ok")

    def reopen_logs(self) -> None:
        """Go on in a new access log, after the old one was renamed."""
        self._call("POST", "/reopen_logs")

    def _get(self, path: str, **query: str) -> Answer:
        return self._call("GET", path, **query)

    def _call(self, method: str, path: str, **query: str) -> Answer:
        try:
            return loopback.ask(method, self._base + path, _TIMEOUT_S, query=query)
        except NoAnswer as error:
            raise UserError(f"Envoy's admin port does not answer ({self._base}); is the edge running?") from error


def _parse(text: str) -> dict[str, str]:
    matches = (_STATISTIC.fullmatch(line) for line in text.splitlines())
    return {match["name"]: match["value"] for match in matches if match}
