"""What the exporter of the release's metrics costs: its CPU and memory beside logs of many lines, and beside none.

    .venv/bin/python -m benchmarks.exporter

Half of the lines are an access log's, half a prediction log's; half of each are a shadow's. It runs as the server
starts it, with nobody asking for its page.
"""

import json
import os
import statistics
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import psutil
import requests
import typer

from scripts import cli
from scripts.errors import UserError
from scripts.exporting.looks import pause_s
from scripts.serving import exporter_process, ports, processes
from scripts.serving.exposition import parse
from scripts.serving.places import Places

_UP_WITHIN_S = 60.0
_LABELS = ("functional", "defective")


def main(
    lines: Annotated[int, typer.Option(min=0, help="Of both logs together.")] = 500_000,
    looks: Annotated[int, typer.Option(min=1, help="How many looks at the logs to watch, of each of the two.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print both."""
    found = {}
    for count in (0, lines):
        with TemporaryDirectory(prefix="exporter-") as folder:
            write(Path(folder), count)
            found[count] = watch(Path(folder), looks)
    if as_json:
        print(json.dumps(found))
        return
    for count, figures in found.items():
        print(f"{count:,} lines: {', '.join(f'{name} {value:g}' for name, value in figures.items())}")


def write(run: Path, lines: int) -> None:
    """Write logs of the last hours, so many lines together, of two versions and a shadow."""
    random = np.random.default_rng(1)
    requests_ = lines // 4
    began = datetime.now(UTC) - timedelta(hours=20)
    (run / "predictions").mkdir()
    with (run / "access.log").open("w") as access, (run / "predictions" / "log.jsonl").open("w") as predictions:
        for number in range(requests_):
            time_ = (began + timedelta(hours=20 * number / requests_)).isoformat(timespec="milliseconds")
            common = {"time": time_.replace("+00:00", "Z"), "request_id": str(uuid.UUID(bytes=random.bytes(16)))}
            image, user = random.bytes(32).hex(), f"{random.integers(5000):032x}"
            drawn = ("1.0", "2.0")[number % 2]
            for version, shadow in ((drawn, False), ("3.0", True)):
                access.write(json.dumps(common | _request(version, shadow, float(random.gamma(8, 2.5)))) + "\n")
                sure = float(random.uniform(0.5, 1))
                label = _LABELS[number % 3 == 0]
                named = {"user": None if shadow else user, "image": image, "label": label, "probability": sure}
                predictions.write(json.dumps(common | named | _answer(version, shadow)) + "\n")


def watch(run: Path, looks: int) -> dict[str, float]:
    """Return what the exporter used of a core in percent, and its memory in MB, from its first report on."""
    port = next(port for port in range(18_083, 19_083) if not ports.why_not(ports.LOOPBACK, port))
    os.environ |= {"RUN_DIR": str(run), "EXPORTER_PORT": str(port)}
    process = exporter_process.start(Places.from_environment(os.environ))
    watched = psutil.Process(process.pid)
    try:
        if not processes.wait_until(lambda: _took_s(port), _UP_WITHIN_S):
            raise UserError(f"no report within {_UP_WITHIN_S:.0f} s; see {run / 'exporter.log'}.")
        took_s = _took_s(port)
        used_s, began, memory = _processor_s(watched), time.monotonic(), [watched.memory_info().rss]
        while time.monotonic() - began < looks * (took_s + pause_s(took_s)):
            memory.append(watched.memory_info().rss)
            time.sleep(0.02)
        share = (_processor_s(watched) - used_s) / (time.monotonic() - began)
        return {
            "percent of a core": round(100 * share, 2),
            "seconds a look": round(_took_s(port), 3),
            "MB at rest": round(statistics.median(memory) / 1e6),
            "MB at most": round(max(memory) / 1e6),
        }
    finally:
        processes.end(processes.Record.of(process.pid), 1)
        process.wait()


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _took_s(port: int) -> float:
    """Return how long its last look took; 0 before the first has succeeded."""
    try:
        samples = {each.name: each.value for each in parse(requests.get(exporter_process.url(port), timeout=5).text)}
    except requests.RequestException:
        return 0
    return samples["release_report_duration_seconds"] if "release_report_timestamp_seconds" in samples else 0


def _request(version: str, shadow: bool, ms: float) -> dict[str, Any]:
    path = f"/predictions/mobilenet_v3/{version}"
    line = {"version": version, "shadow": shadow, "status": 200, "ms": ms, "bytes_in": 20_000, "bytes_out": 300}
    return line | {"method": "POST", "path": path, "route": "split", "flags": "-", "details": "via_upstream"}


def _answer(version: str, shadow: bool) -> dict[str, Any]:
    return {"version": version, "shadow": shadow, "index": 0, "margin": 0.5, "ms": 3.2}


if __name__ == "__main__":
    cli.run(main)
