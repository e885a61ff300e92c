"""Run folders with real log files, as the edge and the workers write them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

START = datetime(2026, 11, 26, 4, 40, tzinfo=UTC)
LABELS = ("functional", "defective")


def at(second: float) -> str:
    """Return a time of the logs."""
    return (START + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def request(request_id: str, version: str | None, second: float = 0.0, **other: Any) -> dict[str, Any]:
    """Return a line of access.log."""
    line = {"time": at(second), "request_id": request_id, "version": version, "shadow": False, "status": 200}
    line |= {"ms": 20, "client": None}
    line |= {"bytes_in": 9, "bytes_out": 9, "method": "POST", "flags": "-", "route": "split"}
    line |= {"path": f"/predictions/mobilenet_v3/{version}" if version else "/predictions/mobilenet_v3"}
    return line | {"details": "via_upstream"} | other


def answer(request_id: str, version: str, label: str = LABELS[0], second: float = 0.0, **other: Any) -> dict[str, Any]:
    """Return a line of a prediction log."""
    line = {"time": at(second), "request_id": request_id, "user": None, "version": version, "shadow": False}
    line |= {"image": f"image-{request_id}", "label": label, "index": LABELS.index(label), "probability": 0.9}
    return line | {"margin": 0.8, "ms": 3.2} | other


def refused(request_id: str, version: str, code: str = "unreadable_image", **other: Any) -> dict[str, Any]:
    """Return a prediction log's line of an image without an answer."""
    line = answer(request_id, version)
    for key in ("label", "index", "probability", "margin"):
        del line[key]
    return line | {"error": code} | other


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    """Write a log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@dataclass
class Traffic:
    """Requests of two versions, drawn.

    Attributes:
        requests: how many.
        share: of the candidate, of 1.
        right: probability of a right answer, by version.
        failed: probability of an error, by version.
        ms: mean latency, by version.
    """

    requests: int
    share: float = 0.5
    right: dict[str, float] = field(default_factory=lambda: {"1.0": 0.9, "2.0": 0.9})
    failed: dict[str, float] = field(default_factory=lambda: {"1.0": 0.002, "2.0": 0.002})
    ms: dict[str, float] = field(default_factory=lambda: {"1.0": 20.0, "2.0": 20.0})
    seed: int = 1

    def write(self, run: Path, *, labels: bool = True) -> Path | None:
        """Write access.log, a prediction log and labels.csv, and return the latter."""
        random = np.random.default_rng(self.seed)
        access, answers, rows = [], [], ["request_id,label"]
        for number in range(self.requests):
            name = f"{run.name}-{number}"
            version = "2.0" if random.random() < self.share else "1.0"
            ms = random.gamma(8, self.ms[version] / 8)
            if random.random() < self.failed[version]:
                access.append(request(name, version, number, ms=ms, status=500))
                continue
            access.append(request(name, version, number, ms=ms))
            truth = int(random.random() < 0.3)
            given = truth if random.random() < self.right[version] else 1 - truth
            sure = float(random.uniform(0.5, 1))
            answers.append(answer(name, version, LABELS[given], number, probability=sure))
            rows.append(f"{name},{LABELS[truth]}")
        write(run / "access.log", access)
        write(run / "predictions" / "mobilenet_v3-worker-1.jsonl", answers)
        if not labels:
            return None
        (run / "labels.csv").write_text("\n".join(rows) + "\n")
        return run / "labels.csv"
