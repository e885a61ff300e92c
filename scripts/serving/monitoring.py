"""A Prometheus beside the running server: its configuration, rendered from the server's ports, and its process."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from scripts.errors import UserError
from scripts.files import replace_file
from scripts.serving import loopback, ports, processes
from scripts.serving.loopback import NoAnswer
from scripts.serving.places import REPOSITORY, Ports, port_from

FOLDER = REPOSITORY / "deploy" / "monitoring"
RULES = FOLDER / "rules.yaml"
PORT = "PROMETHEUS_PORT"
# Prometheus' own default is 9090.
_DEFAULT_PORT = 9090
_READY_WITHIN_S = 30.0


@dataclass(frozen=True)
class Prometheus:
    """One local Prometheus; it may run or not.

    Attributes:
        program: the executable.
        folder: its configuration, data and log.
        port: on loopback.
    """

    program: str
    folder: Path
    port: int

    @classmethod
    def find(cls, run: Path, environment: Mapping[str, str]) -> "Prometheus":
        """Return the one that is installed, with its files in `run`/prometheus.

        Raises:
            UserError: none is installed, or its port is taken.
        """
        program = shutil.which("prometheus", path=environment.get("PATH"))
        if program is None:
            raise UserError(
                "prometheus is not on the PATH; install it (Debian: `apt-get install prometheus`, others: "
                "https://prometheus.io/download/), or watch without it by `make status WATCH=1`."
            )
        port = port_from(environment, PORT, _DEFAULT_PORT)
        reason = ports.why_not(ports.LOOPBACK, port)
        if reason:
            raise UserError(f"port {port} (prometheus) {reason}; free it or set {PORT} to another.")
        return cls(program, run / "prometheus", port)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{ports.LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "prometheus.log"

    def start(self, configuration: str) -> subprocess.Popen[bytes]:
        """Return its process once it answers; what it recorded before is kept.

        Raises:
            UserError: it refuses the configuration or does not come up, with its last words.
        """
        file = self.folder / "prometheus.yml"
        replace_file(file, configuration)
        self.log.write_bytes(b"")
        process = processes.start(
            [
                self.program,
                f"--config.file={file}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address={ports.LOOPBACK}:{self.port}",
            ],
            cwd=self.folder,
            environment=os.environ,
            output=self.log,
        )
        record = processes.Record.of(process.pid)
        try:
            processes.wait_until(lambda: process.poll() is not None or self._answers(), _READY_WITHIN_S)
            if process.poll() is not None or not self._answers():
                raise UserError(f"prometheus does not come up; {self.last_words()}.")
        except BaseException:
            processes.end(record, 0)
            raise
        return process

    def last_words(self) -> str:
        """Return what it printed last, and where the rest is."""
        lines = self.log.read_text(errors="replace").splitlines()
        return f"its last words: {lines[-1][:300]!r}; see {self.log}" if lines else f"see {self.log}"

    def _answers(self) -> bool:
        try:
            return loopback.ask("GET", f"{self.url}/-/ready", timeout_s=5).ok
        except NoAnswer:
            return False


def render(server: Ports, model: str, interval_s: int = 15) -> str:
    """Return a prometheus.yml for the server on these ports.

    Args:
        server: its ports.
        model: the served name, which the names of its workers carry.
        interval_s: between two looks.
    """
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    template = environment.from_string((FOLDER / "prometheus.yml.j2").read_text(encoding="utf-8"))
    return template.render(ports=server, model=model, interval_s=interval_s, rules=str(RULES))
