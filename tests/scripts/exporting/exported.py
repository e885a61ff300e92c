"""What the exporter would show of a run folder, read as Prometheus reads it."""

import os
from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from scripts.exporting import looks
from scripts.exporting.live import Live
from scripts.exporting.page import Release
from scripts.serving.exposition import parse
from scripts.serving.installation import Installation
from tests.scripts.reporting.written import START


class Exported:
    """One installation and the page of its exporter.

    Attributes:
        run: its run folder.
        traffic: its traffic.yaml.
        release: the page for Prometheus.
        live: the one for people.
    """

    def __init__(self, folder: Path, model_store: Path) -> None:
        self.run = folder / "run"
        self.traffic = folder / "traffic.yaml"
        self.run.mkdir(exist_ok=True)
        self.traffic.write_text('split: {"1.0": 50, "2.0": 50}\n')
        self._environment = {
            "RUN_DIR": str(self.run),
            "TRAFFIC": str(self.traffic),
            "MODEL_STORE": str(model_store.resolve()),
        }
        wanted = Installation.read(self._environment)
        self.release = Release(wanted.places, wanted.spec.name)
        self.live = Live(wanted.places, wanted.ports, wanted.spec.name)
        self._wanted = wanted

    def look(self, second: float = 3600) -> None:
        """Look at the logs, which are still written, so many seconds after their first line's."""
        for path in (*self.run.glob("access.log"), *self.run.glob("predictions/*")):
            os.utime(path, (START.timestamp() + second,) * 2)
        self.release.look = looks.look(self._wanted, self.release.look, lambda: START.timestamp() + second)

    def series(self, name: str, *labels: str) -> dict[Sequence[str], float]:
        """Return the values of a metric by those of its labels; without any, under ()."""
        registry = CollectorRegistry()
        registry.register(self.release)
        samples = [sample for sample in parse(generate_latest(registry).decode()) if sample.name == name]
        assert all({*labels} == {*sample.labels} for sample in samples), samples
        return {tuple(sample.labels[label] for label in labels): sample.value for sample in samples}

    def value(self, name: str) -> float | None:
        """Return the value of a metric that has no labels; None where it is absent."""
        return self.series(name).get(())

    def known(self) -> set[str]:
        """Return what the page says is known."""
        return {figure for (figure,), known in self.series("release_known", "figure").items() if known}
