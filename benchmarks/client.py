"""The client: wrk, compiled, so that it leaves the cores to the servers; its own CPU is counted."""

import json
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workload import Workload
from scripts.errors import UserError

SCRIPT = Path(__file__).with_name("wrk.lua")
_ANSWER_WITHIN_S = 20


@dataclass(frozen=True)
class Load:
    """What the client saw.

    Attributes:
        right: answers with status 200 and the expected label.
        failures: wrong label, another status, or a broken connection.
        duration_s: of the load.
        p50_ms: median time to an answer, failures included.
        p95_ms: 95th percentile.
        p99_ms: 99th percentile.
        client_cpu_s: CPU seconds of the client.
    """

    right: int
    failures: int
    duration_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    client_cpu_s: float

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return self.right / self.duration_s


def require() -> None:
    """Return when wrk is installed.

    Raises:
        UserError: it is not.
    """
    if shutil.which("wrk") is None:
        raise UserError(
            "wrk is not on the PATH; install it (Debian, Ubuntu: `apt install wrk`; macOS: `brew install wrk`)"
        )


def load(url: str, workload: Workload, connections: int, duration_s: int) -> Load:
    """Send `workload` over so many connections and return what came back.

    Raises:
        UserError: wrk failed, with its own words.
    """
    labels = workload.distinct_labels()
    # One label a thread (see the script); a thread without a connection would be an error of wrk's.
    threads = min(len(labels), connections)
    command = [
        *("wrk", "--threads", str(threads), "--connections", str(connections)),
        *("--duration", f"{duration_s}s", "--timeout", f"{_ANSWER_WITHIN_S}s", "--script", str(SCRIPT), url),
        *("--", str(workload.manifest), str(threads), *labels),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode != 0 or not lines:
        raise UserError(f"wrk failed against {url}: {(done.stderr or done.stdout).strip()}")
    seen = json.loads(lines[0].removeprefix("RESULT "))
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    failures = seen.pop("wrong") + seen.pop("socket_errors")
    return Load(failures=failures, client_cpu_s=cpu_s, **seen)
