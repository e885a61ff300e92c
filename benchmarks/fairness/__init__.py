"""What callers notice of one that asks as fast as it can, by how many requests of a key may be under way."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np
import requests

from benchmarks import client, product
from benchmarks.product import Files, Product
from scripts.errors import UserError
from scripts.pipeline.data import elpv
from scripts.serving.places import REPOSITORY

POLITE = ("ann", "bob")
PAUSE_S = 0.1
# Ten times as many as the others have, and without a pause.
CONNECTIONS = 20
DURATION_S = 12
BOUNDS = (None, 16, 8, 4)
KINDS = ("waits", "asks again")
SCRIPT = Path(__file__).with_name("greedy.lua")


@dataclass(frozen=True)
class Seen:
    """What the callers of one run saw.

    Attributes:
        greedy: what the greedy one does when it is refused; None: there was none.
        at_once: its bound of requests under way; None: none.
        polite_ms: time to each answer of the others, milliseconds.
        polite_failures: of them that were not 200.
        answered: a second, of the greedy one.
        refused: a second, of the greedy one.
    """

    greedy: str | None
    at_once: int | None
    polite_ms: tuple[float, ...]
    polite_failures: int
    answered: float = 0.0
    refused: float = 0.0

    def percentile(self, share: float) -> float:
        """Return a percentile of the others' times, milliseconds."""
        return float(np.percentile(self.polite_ms, share))


def measure() -> list[Seen]:
    """Return what the others see alone, and beside a greedy key with each bound.

    Raises:
        UserError: wrk is missing, or the server does not start.
    """
    client.require()
    image = elpv.cells()[0].path
    with tempfile.TemporaryDirectory(prefix="fair-") as name:
        folder = Path(name) / "own"
        with product.running(folder, image.read_bytes(), Files.for_comparison()) as server:
            keys = {who: _made(server, who) for who in (*POLITE, "greedy")}
            found = [_run(server, keys, image, greedy=None, at_once=None)]
            for bound in BOUNDS:
                _bound(folder / "traffic.yaml", server, bound)
                found += [_run(server, keys, image, greedy=kind, at_once=bound) for kind in KINDS]
            return found


def _made(server: Product, who: str) -> str:
    return str(json.loads(_verb(server, "key", "--name", who, "--json"))["key"])


def _bound(traffic: Path, server: Product, at_once: int | None) -> None:
    kept = [line for line in traffic.read_text().splitlines() if not line.startswith("per_key:")]
    bound = "null" if at_once is None else str(at_once)
    traffic.write_text("\n".join([*kept, f"per_key: {{at_once: {bound}}}"]) + "\n")
    _verb(server, "apply")


def _verb(server: Product, *words: str) -> str:
    command = [sys.executable, "-m", f"scripts.{words[0]}", *words[1:]]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=dict(server.environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"{words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _run(server: Product, keys: Mapping[str, str], image: Path, *, greedy: str | None, at_once: int | None) -> Seen:
    url = server.through_edge("edge", product.INT8).url
    load = _greedy(url, keys["greedy"], image, greedy) if greedy else None
    with ThreadPoolExecutor(len(POLITE)) as pool:
        answers = [each for of_one in pool.map(lambda who: _ask(url, keys[who], image), POLITE) for each in of_one]
    answered, asked = 0, 0
    if load:
        said = load.communicate()[0]
        answered, asked = (int(word) for word in said.partition("RESULT ")[2].split())
    failures = sum(status != HTTPStatus.OK for status, _ in answers)
    rates = answered / DURATION_S, (asked - answered) / DURATION_S
    return Seen(greedy, at_once, tuple(ms for _, ms in answers), failures, *rates)


def _greedy(url: str, key: str, image: Path, kind: str) -> subprocess.Popen[str]:
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{DURATION_S}s"]
    environment = os.environ | {"API_KEY": key, "ASKED_WITH": str(image)}
    environment |= {"WAITS": "1"} if kind == "waits" else {}
    words = [*command, "--timeout", "20s", "--script", str(SCRIPT), url]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def _ask(url: str, key: str, image: Path) -> list[tuple[int, float]]:
    """Return the status of each answer, and the milliseconds that it took."""
    until, found = time.monotonic() + DURATION_S, []
    headers, body = {"content-type": "image/png", "x-api-key": key}, image.read_bytes()
    with requests.Session() as session:
        while time.monotonic() < until:
            began = time.monotonic()
            status = session.post(url, data=body, headers=headers, timeout=60).status_code
            found.append((status, 1000 * (time.monotonic() - began)))
            time.sleep(PAUSE_S)
    return found
