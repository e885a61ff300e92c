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
    "ready": "extension_config_discovery.http_filter.ready",
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


@dataclass(frozen=True)
class Behind:
    """A replica in the eyes of its front.

    Attributes:
        address: of its edge.
        port: the same.
        healthy: whether its /healthz says so.
        ejected: whether it fails requests for all that, and is left out for a while.
        active: requests that it has just now.
        requests: that it was sent, second tries too.
    """

    address: str
    port: int
    healthy: bool
    ejected: bool
    active: int
    requests: int

    @classmethod
    def of(cls, host: dict[str, Any]) -> "Behind":
        """Return what Envoy's /clusters says of one host."""
        at, health = host["address"]["socket_address"], host["health_status"]
        counts = {item["name"]: int(item.get("value", 0)) for item in host["stats"]}
        return cls(
            at["address"],
            at["port_value"],
            not health.get("failed_active_health_check", False),
            health.get("failed_outlier_check", False),
            counts["rq_active"],
            counts["rq_total"],
        )


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
        return {
            name.removeprefix("version-"): all(
                not host["health_status"].get("failed_active_health_check") for host in hosts
            )
            for name, hosts in self._hosts().items()
            if name.startswith("version-")
        }

    def replicas(self) -> list[Behind]:
        """Return the hosts behind a front, in the order of its file."""
        return [Behind.of(host) for host in self._hosts().get("replicas", [])]

    def retries(self) -> tuple[int, int]:
        """Return how many requests a front has sent to a second replica, and how many of them went well there."""
        names = ("upstream_rq_retry", "upstream_rq_retry_success")
        found = _parse(self._get("/stats", filter=rf"^cluster\.replicas\.({'|'.join(names)})$").text)
        again, well = (int(found.get(f"cluster.replicas.{name}", "0")) for name in names)
        return again, well

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

    def _hosts(self) -> dict[str, list[dict[str, Any]]]:
        document: dict[str, Any] = self._get("/clusters", format="json").json()
        return {item["name"]: item.get("host_statuses", []) for item in document.get("cluster_statuses", [])}

    def _get(self, path: str, **query: str) -> Answer:
        return self._call("GET", path, **query)

    def _call(self, method: str, path: str, **query: str) -> Answer:
        try:
            return loopback.ask(method, self._base + path, _TIMEOUT_S, query=query)
        except NoAnswer as error:
            raise UserError(
                f"Envoy's admin port does not answer ({self._base}); is the edge running? One that died is started "
                "again within seconds."
            ) from error


def _parse(text: str) -> dict[str, str]:
    matches = (_STATISTIC.fullmatch(line) for line in text.splitlines())
    return {match["name"]: match["value"] for match in matches if match}
