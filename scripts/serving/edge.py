"""The edge's configuration, rendered from traffic.yaml and keys.yaml, and the running edge brought to it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

from scripts.errors import UserError
from scripts.serving import envoy_limits, processes
from scripts.serving.edge_templates import TEMPLATES, Templates
from scripts.serving.envoy_admin import Admin
from scripts.serving.installation import Installation
from scripts.serving.keys import Key
from scripts.serving.pages import packed, pages
from scripts.serving.places import Ports
from scripts.serving.traffic import Traffic
from scripts.serving.watched_files import WatchedFiles

# A request chooses its version with its headers, but needs that version's cluster only once its body is whole.
_BODIES_ARRIVE_WITHIN_S = 2.0
# Clusters before the routes that lead to them, limits before the keys that they are for.
_OF_KEYS = ("limits", "shares", "keys")
_ORDER = (*_OF_KEYS, "clusters", "shadow", "routes", "health", "ready")
_NO_KEYS: Mapping[str, Key] = MappingProxyType({})


class Edge:
    """The files of one run directory that Envoy watches, and what it makes of them."""

    def __init__(  # noqa: PLR0913  (what it renders is all of them)
        self,
        run: Path,
        ports: Ports,
        model: str,
        templates: Path = TEMPLATES,
        *,
        keys: Mapping[str, Key] = _NO_KEYS,
        share: int = 4,
        access_log: str | None = "access.log",
        prediction_log: bool = False,
        harvest: bool = False,
        requests_at_once: int = 100,
    ) -> None:
        """Keep the files in `run`/edge.

        Args:
            run: the run directory.
            ports: of the edge and of the servers behind it.
            model: the served name.
            templates: the folder with the templates.
            keys: who may ask, by name; none: everybody.
            share: requests of one key under way, where traffic.yaml leaves it open.
            access_log: a file in `run`; None: requests are written to the process's own output.
            prediction_log: whether workers are told who asks, and which requests are a shadow's.
            harvest: whether they are told the latter.
            requests_at_once: of one version; one more is refused.
        """
        self.folder = run / "edge"
        self.log = run / "envoy.log"
        self.access_log = run / access_log if access_log else None
        self._admin = Admin(ports.admin)
        self._files = WatchedFiles(self.folder, self.log, self._admin)
        same = {
            "ports": ports,
            "folder": str(self.folder),
            "access_log": self.access_log and str(self.access_log),
            "model": model,
            "keys": keys,
            "share": share,
            "prediction_log": prediction_log,
            "marks_copies": prediction_log or harvest,
            "requests_at_once": requests_at_once,
            "pages": pages,
            "packed": partial(packed, folder=run / "pages"),
            "max_connections": envoy_limits.max_connections(),
        }
        self._render = Templates(templates, run / "templates", same).render

    @classmethod
    def of(cls, wanted: Installation, access_log: str | None = "access.log") -> Self:
        """Return the edge of an installation; `access_log` as above."""
        config = wanted.config
        return cls(
            wanted.places.run,
            wanted.ports,
            wanted.spec.name,
            keys=wanted.keys,
            share=wanted.share,
            access_log=access_log,
            prediction_log=config.logs_predictions,
            harvest=config.harvests,
            requests_at_once=config.requests_at_once,
        )

    @property
    def bootstrap(self) -> Path:
        """The file that Envoy starts from."""
        return self._files.path("bootstrap")

    def prepare(self, traffic: Traffic) -> None:
        """Write every file, for an Envoy that is to be started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._files.path("tls").unlink(missing_ok=True)
        for name in ("bootstrap", *_ORDER, *(["tls"] if traffic.edge.tls else [])):
            self._files.write(name, self._render(name, traffic, traffic.versions))

    def apply(self, traffic: Traffic, versions: Iterable[str]) -> None:
        """Bring the running Envoy to `traffic`.

        Requests that are on their way to a version that goes still reach it, but for those whose body takes longer
        than two seconds on an edge that is never without requests.

        Args:
            traffic: what is wanted.
            versions: those that can be reached by their own path; the split's and the shadow's always can.

        Raises:
            UserError: Envoy refuses a file; with its reason. The files before are back in place, and in effect.
        """
        wanted = list(dict.fromkeys([*traffic.versions, *versions]))
        # Clusters that go are kept until neither a route nor a request leads to them.
        known = re.findall(r'name: "version-(.*?)"', self._files.path("clusters").read_text())
        both = list(dict.fromkeys([*wanted, *known]))
        with self._files.or_as_before(_ORDER) as taken:
            for name in _ORDER:
                reachable = both if name == "clusters" else wanted
                self._files.replace(name, self._render(name, traffic, reachable), taken[name])
            if both != wanted:
                processes.wait_until(lambda: self._admin.active_requests() == 0, _BODIES_ARRIVE_WITHIN_S)
                rest = self._render("clusters", traffic, wanted)
                self._files.replace("clusters", rest, self._admin.taken()["clusters"])

    def admit(self, traffic: Traffic) -> None:
        """Bring the running Envoy to the keys and their limits in `traffic` alone; raises as `apply` does."""
        self._bring(_OF_KEYS, traffic)

    def renew(self, traffic: Traffic) -> bool:
        """Bring a running Envoy that speaks TLS to the certificate in its file; return whether it is another one.

        Raises:
            UserError: as `apply` does.
        """
        path = self._files.path("tls")
        if traffic.edge.tls is None or not path.is_file():
            return False
        before = path.read_text()
        self._bring(["tls"], traffic)
        return path.read_text() != before

    def wait_taken(self, check: Callable[[], None] = lambda: None) -> None:
        """Return when a starting Envoy has taken every file.

        Raises:
            UserError: it refuses one, with its reason.
        """
        for name in [*_ORDER, *(["tls"] if self._files.path("tls").is_file() else [])]:
            self._files.wait_taken(name, check)

    def split(self) -> dict[str, int]:
        """Return the percent by version that is in effect, whatever traffic.yaml says."""
        text = self._files.path("routes").read_text()
        return {name: int(weight) for name, weight in re.findall(r'name: "version-(.*?)"\n +weight: (\d+)', text)}

    def opened(self) -> list[str]:
        """Return the versions that can be reached by a path of their own."""
        text = self._files.path("routes").read_text()
        return list(dict.fromkeys(re.findall(r'"name": "x-model-version", "string_match": {"exact": "(.*?)"}', text)))

    def rotate_access_log(self, limit_bytes: int = 100_000_000) -> None:
        """Begin a new access log when this one has grown to `limit_bytes`; the one before is kept beside it."""
        if not self.access_log or not self.access_log.is_file() or self.access_log.stat().st_size < limit_bytes:
            return
        before = self.access_log.replace(self.access_log.with_suffix(".log.1"))
        try:
            self._admin.reopen_logs()
        except UserError:
            before.replace(self.access_log)  # Envoy goes on in it, and is asked again.
            raise

    def _bring(self, names: Sequence[str], traffic: Traffic) -> None:
        with self._files.or_as_before(names) as taken:
            for name in names:
                self._files.replace(name, self._render(name, traffic, traffic.versions), taken[name])
