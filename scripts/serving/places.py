"""Where things lie: folders, files and ports, each with an environment variable, so that tests run beside a server."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from scripts.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
_Default = TypeVar("_Default", int, int | None)


@dataclass(frozen=True)
class Places:
    """Absolute paths of one installation.

    Attributes:
        run: logs, rendered configuration and process records of one running server.
        model_store: the archives.
        config: the operator's config.properties.
        traffic: the operator's traffic.yaml.
        keys: keys.yaml, whose hashes say who may ask; it may be missing.
        manifests: what is applied to a cluster: deploy/kubernetes, or a copy of it.
    """

    run: Path
    model_store: Path
    config: Path
    traffic: Path
    keys: Path
    manifests: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Places":
        """Return the places that RUN_DIR, MODEL_STORE, … name, in the repository where they are relative."""
        return cls(
            run=REPOSITORY / environment.get("RUN_DIR", "run"),
            model_store=REPOSITORY / environment.get("MODEL_STORE", "model_store"),
            config=REPOSITORY / environment.get("CONFIG", "config.properties"),
            traffic=REPOSITORY / environment.get("TRAFFIC", "traffic.yaml"),
            keys=REPOSITORY / environment.get("KEYS", "keys.yaml"),
            manifests=REPOSITORY / environment.get("MANIFESTS", "deploy/kubernetes"),
        )

    @property
    def predictions(self) -> Path:
        """The prediction log's folder; the key of its user hashes is `predictions.key` beside it."""
        return self.run / "predictions"

    @property
    def harvest(self) -> Path:
        """Where workers keep images that are worth a label; `make harvest` takes them from there."""
        return self.run / "harvest"

    def archive(self, model: str, version: str) -> Path:
        """Return where the archive of `version` lies (it may be missing)."""
        return self.model_store / f"{model}-{version}.mar"


@dataclass(frozen=True)
class Ports:
    """TCP ports of one installation; `worker` numbers the workers' Unix sockets and is no TCP port.

    `monitoring` is where the edge shows the metrics to others than this machine; None: nowhere. `exporter` is where
    those of the release are (scripts.exporter); None: there is none, as in a pod.
    """

    edge: int = 8000
    inference: int = 8080
    management: int = 8081
    metrics: int = 8082
    grpc_inference: int = 7070
    grpc_management: int = 7071
    admin: int = 9901
    worker: int = 9000
    monitoring: int | None = None
    exporter: int | None = 8083

    def overridden(self, environment: Mapping[str, str]) -> "Ports":
        """Return these ports with EDGE_PORT, INFERENCE_PORT, … of `environment` in their place.

        Raises:
            UserError: a variable is no port number.
        """
        return Ports(**{name: port_from(environment, variable(name), value) for name, value in asdict(self).items()})

    def tcp(self) -> dict[str, int]:
        """Return the TCP ports by name."""
        named = {name: port for name, port in asdict(self).items() if name != "worker"}
        return {name: port for name, port in named.items() if port is not None}

    def required(self) -> dict[str, int]:
        """Return the TCP ports by name without which nothing is served: the exporter waits until its own is free."""
        return {name: port for name, port in self.tcp().items() if name != "exporter"}

    def envoy(self) -> dict[str, int]:
        """Return the edge's own TCP ports by name."""
        return {name: port for name, port in self.tcp().items() if name in ("edge", "monitoring", "admin")}

    def torchserve(self) -> dict[str, int]:
        """Return TorchServe's own TCP ports by name, all of them on loopback."""
        return {name: port for name, port in self.required().items() if name not in self.envoy()}


def shown(path: Path) -> str:
    """Return a path as it is read most easily: from the repository on, where it lies in it."""
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


def variable(name: str) -> str:
    """Return the environment variable of a port."""
    return f"{name.upper()}_PORT"


def port_from(environment: Mapping[str, str], key: str, default: _Default) -> int | _Default:
    """Return the port that the variable `key` names.

    Raises:
        UserError: it is no port number.
    """
    value = environment.get(key)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:  # noqa: PLR2004
        raise UserError(f"{key}={value} is no port; set a number from 1 to 65535.")
    return int(value)
