"""The edge's configuration: rendered from traffic.yaml, replaced by rename, and seen to be taken."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving import processes
from scripts.serving.edge_templates import TEMPLATES, Templates
from scripts.serving.envoy_admin import Admin, Taken
from scripts.serving.places import Ports
from scripts.serving.traffic import Traffic
from scripts.signals import uninterrupted

# Envoy takes a file within milliseconds of its rename; a busy machine gets time.
_TAKEN_WITHIN_S = 10.0
# A request chooses its version with its headers, but needs that version's cluster only once its body is whole.
_BODIES_ARRIVE_WITHIN_S = 2.0
# Clusters before the routes that lead to them.
_ORDER = ("clusters", "shadow", "routes", "health")
_LOG_TEXT = re.compile(r"^\[[^]]*\]\[\d+\]\[(warning|error|critical)\]\[\w+\] \[[^]]*\] (?P<text>.*)")


class Edge:
    """The files of one run directory that Envoy watches, and what it makes of them."""

    def __init__(  # noqa: PLR0913  (what it renders is all of them)
        self,
        run: Path,
        ports: Ports,
        model: str,
        templates: Path = TEMPLATES,
        *,
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
            access_log: a file in `run`; None: requests are written to the process's own output.
            prediction_log: whether workers are told who asks, and which requests are a shadow's.
            harvest: whether they are told the latter.
            requests_at_once: of one version; one more is refused.
        """
        self.folder = run / "edge"
        self.log = run / "envoy.log"
        self.access_log = run / access_log if access_log else None
        self._admin = Admin(ports.admin)
        same = {
            "ports": ports,
            "folder": str(self.folder),
            "access_log": self.access_log and str(self.access_log),
            "model": model,
            "prediction_log": prediction_log,
            "marks_copies": prediction_log or harvest,
            "requests_at_once": requests_at_once,
        }
        self._render = Templates(templates, run / "templates", same).render

    @property
    def bootstrap(self) -> Path:
        """The file that Envoy starts from."""
        return self.folder / "bootstrap.yaml"

    def prepare(self, traffic: Traffic) -> None:
        """Write every file, for an Envoy that is to be started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("bootstrap", *_ORDER):
            replace_file(self._path(name), self._render(name, traffic, traffic.versions))

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
        before = {name: self._path(name).read_text() for name in _ORDER}
        # Clusters that go are kept until neither a route nor a request leads to them.
        known = re.findall(r'name: "version-(.*?)"', before["clusters"])
        both = list(dict.fromkeys([*wanted, *known]))
        try:
            taken = self._admin.taken()
            for name in _ORDER:
                self._replace(name, self._render(name, traffic, both if name == "clusters" else wanted), taken[name])
            if both != wanted:
                processes.wait_until(lambda: self._admin.active_requests() == 0, _BODIES_ARRIVE_WITHIN_S)
                rest = self._render("clusters", traffic, wanted)
                self._replace("clusters", rest, self._admin.taken()["clusters"])
        except BaseException:
            with uninterrupted():
                taken = self._admin.taken()
                for name in reversed(_ORDER):
                    self._replace(name, before[name], taken[name])
            raise

    def wait_taken(self, check: Callable[[], None] = lambda: None) -> None:
        """Return when a starting Envoy has taken every file.

        Raises:
            UserError: it refuses one, with its reason.
        """
        for name in _ORDER:
            self._wait(name, _version_of(self._path(name).read_text()), refusals=0, check=check)

    def split(self) -> dict[str, int]:
        """Return the percent by version that is in effect, whatever traffic.yaml says."""
        text = self._path("routes").read_text()
        return {name: int(weight) for name, weight in re.findall(r'name: "version-(.*?)"\n +weight: (\d+)', text)}

    def opened(self) -> list[str]:
        """Return the versions that can be reached by a path of their own."""
        text = self._path("routes").read_text()
        return re.findall(r'"name": "x-model-version", "string_match": {"exact": "(.*?)"}', text)

    def rotate_access_log(self, limit_bytes: int = 100_000_000) -> None:
        """Begin a new access log when this one has grown to `limit_bytes`; the one before is kept beside it."""
        if not self.access_log or not self.access_log.is_file() or self.access_log.stat().st_size < limit_bytes:
            return
        self.access_log.replace(self.access_log.with_suffix(".log.1"))
        self._admin.reopen_logs()

    def _replace(self, name: str, text: str, taken: Taken) -> None:
        """Make `text` a file's content, where Envoy has `taken` another one; return when it has taken this one."""
        path = self._path(name)
        # A command that was killed may have left a file that Envoy refuses.
        if path.read_text() == text and taken.version == _version_of(text):
            return
        log_size = self.log.stat().st_size if self.log.is_file() else 0
        replace_file(path, text)
        self._wait(name, _version_of(text), taken.refusals, log_from=log_size)

    def _wait(
        self, name: str, version: str, refusals: int, log_from: int = 0, check: Callable[[], None] = lambda: None
    ) -> None:
        def done() -> bool:
            check()
            taken = self._admin.taken()[name]
            if taken.refusals > refusals:
                reason = self._reason(log_from)
                raise UserError(f"Envoy refuses {self._path(name)}: {reason}; what was in effect stays.")
            return taken.version == version

        if not processes.wait_until(done, _TAKEN_WITHIN_S, pause_s=0.02):
            raise UserError(f"Envoy has not taken {self._path(name)} within {_TAKEN_WITHIN_S:.0f} s; see {self.log}.")

    def _reason(self, log_from: int) -> str:
        def last() -> str | None:
            with self.log.open(errors="replace") as stream:
                stream.seek(log_from)
                matches = [match for line in stream if (match := _LOG_TEXT.match(line))]
            return matches[-1]["text"].rstrip(".") if matches else None

        # The statistics change a moment before the line is written.
        processes.wait_until(last, 2.0)
        return last() or f"see {self.log}"

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"


def _version_of(text: str) -> str:
    match = re.search(r'version_info: "(\w+)"', text)
    assert match is not None, "a template without version_info"
    return match[1]
