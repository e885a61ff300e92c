"""The operator's files, the ports and the archives, read together and found in order before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from handler.metadata import Metadata
from scripts.errors import UserError
from scripts.pipeline import archive
from scripts.pipeline.spec import DEFAULT_MODEL, MODELS, Spec
from scripts.serving import keys, properties, traffic
from scripts.serving.keys import Key
from scripts.serving.places import REPOSITORY, Places, Ports
from scripts.serving.properties import Config
from scripts.serving.traffic import Traffic


@dataclass(frozen=True)
class Installation:
    """All that is wanted.

    Attributes:
        places: folders and files.
        model: the folder of models/ that MODEL names.
        spec: of that model; its name is the served one.
        config: config.properties.
        traffic: traffic.yaml, with the address of EDGE_ADDRESS where that is set.
        keys: of keys.yaml, by name.
        ports: those of both files, as overridden by the environment.
    """

    places: Places
    model: str
    spec: Spec
    config: Config
    traffic: Traffic
    keys: Mapping[str, Key]
    ports: Ports

    @classmethod
    def read(cls, environment: Mapping[str, str], cores: int | None = None) -> "Installation":
        """Return what the files and the environment say.

        Args:
            environment: variables that override paths and ports.
            cores: processors of the machine that serves; this one's by default.

        Raises:
            UserError: a mistake in one of them.
        """
        places = Places.from_environment(environment)
        config = properties.read(places.config, cores)
        wanted = traffic.read(places.traffic).listening(environment)
        model = environment.get("MODEL") or DEFAULT_MODEL
        spec = Spec.load(REPOSITORY / MODELS / model)
        _fit_together(config, wanted, spec.name, cores)
        named = replace(config.ports(), edge=wanted.edge.port, monitoring=wanted.edge.monitoring_port)
        known = keys.read(places.keys)
        return cls(places, model, spec, config, wanted, known, named.overridden(environment))

    def verified(self, version: str) -> Metadata:
        """Return what a version's archive says of itself, after its digest was checked.

        Raises:
            UserError: it is missing, was changed, or answers with other labels than the spec has.
        """
        path = self.places.archive(self.spec.name, version)
        metadata = archive.verify(path, self.model)
        # A model that was deleted and made anew from other images has the archives of the old one still.
        if metadata.labels != self.spec.labels:
            raise UserError(
                f"{path}: its labels are not those of {self.spec.folder / 'spec.yaml'}; build it again with "
                f"`make archive{self._argument} VERSION={version} PRECISION={metadata.precision}`."
            )
        return metadata

    def digest(self, version: str) -> str:
        """Return the SHA-256 of a version's archive in hex; raises as `verified` does."""
        self.verified(version)
        return archive.digest(self.places.archive(self.spec.name, version))

    def without_exporter(self) -> "Installation":
        """Return the same without the release's metrics, which neither a pod nor a front has."""
        return replace(self, ports=replace(self.ports, exporter=None))

    @property
    def restart(self) -> str:
        """The command that starts this model's server anew."""
        return f"make stop start{self._argument}"

    @property
    def _argument(self) -> str:
        return "" if self.model == DEFAULT_MODEL else f" MODEL={self.model}"

    @property
    def share(self) -> int:
        """Requests of one key under way that keep the workers busy: two for each, of the versions that have weight."""
        weights = self.traffic.split.items()
        workers = [self.config.version(self.spec.name, version).min_workers for version, weight in weights if weight]
        return 2 * sum(workers)

    @property
    def certificate(self) -> Path | None:
        """The file by which this machine knows the edge; None: it speaks plain HTTP."""
        return self.traffic.edge.tls.certificate_path if self.traffic.edge.tls else None

    @property
    def url(self) -> str:
        """Where callers reach the edge."""
        address = self.traffic.edge.address
        host = "127.0.0.1" if address in ("0.0.0.0", "::") else address
        scheme = "https" if self.traffic.edge.tls else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.ports.edge}"


def _fit_together(config: Config, wanted: Traffic, name: str, cores: int | None) -> None:
    # netty's default (ConfigManager.getMaxRequestSize).
    limit = int(config.torchserve.get("max_request_size", "6553500"))
    if wanted.edge.max_body_bytes > limit:
        raise UserError(
            f"{config.path}: `max_request_size` ({limit}) is below `edge.max_body_bytes` of traffic.yaml "
            f"({wanted.edge.max_body_bytes}); raise the first or lower the second."
        )
    for version in wanted.versions:
        settings = config.version(name, version)
        properties.check_cores(config, name, version, settings.max_workers, cores)
        if settings.min_workers == 0:
            raise UserError(
                f"{config.path}: `models`: {name} {version}: minWorkers is 0, but traffic.yaml names the "
                "version; raise it, or take the version out there."
            )
