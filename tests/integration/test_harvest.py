"""From the real servers to a folder for labelling: which images come out, and that no answer is another for it."""

import csv
import hashlib
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from scripts.serving import processes
from tests.integration.server import MODEL, Server

pytestmark = pytest.mark.operations

MARGIN = 0.3
# Of the same weights as 1.0, it says the other label of about half of the images, and is as sure as 1.0 is.
CONTRADICTS = (
    "import numpy; from handler.engine import Engine; logits = Engine.logits; Engine.logits = lambda engine, images: "
    "logits(engine, images) * numpy.where(images.sum((1, 2, 3)) % 2, 1, -1)[:, None].astype('float32')"
)


@pytest.fixture
def harvesting(own_server: Server, broken_archive: Callable[[str, str], None]) -> Server:
    """Return a running server that keeps images: 1.0 answers everything, a version with its own mind is its shadow."""
    broken_archive("contradicts", CONTRADICTS)
    text = own_server.config.read_text()
    # A quarter of job_queue_size are a shadow's: more than all images that are asked, or one that is slow loses copies.
    wanted = {"handler.prediction_log": "on", "handler.harvest": "on", "handler.harvest_margin": MARGIN}
    for key, value in (wanted | {"job_queue_size": 400}).items():
        text, count = re.subn(rf"^{re.escape(key)}=.*$", f"{key}={value}", text, flags=re.MULTILINE)
        assert count == 1
    own_server.config.write_text(text)
    shipped = own_server.traffic.read_text()
    own_server.traffic.write_text(shipped.replace("shadow: null", 'shadow: {version: "contradicts", percent: 100}'))
    started = own_server.verb("start")
    assert started.returncode == 0, started.stderr
    return own_server


def ask(server: Server, images: list[bytes], version: str | None = None) -> list[Any]:
    """Return what is predicted of each image, eight at a time."""

    def one(image: bytes) -> Any:
        answer = server.predict(image, version=version)
        assert answer.status_code == 200, answer.text
        return answer.json()["predictions"]

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, images))


def digest(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


def kept(server: Server, place: str) -> set[str]:
    folder = server.run_dir / "harvest" / MODEL / place
    return {path.stem for path in folder.glob("*") if path.suffix in (".jpg", ".png")}


def logged(server: Server, version: str) -> int:
    texts = [path.read_text() for path in (server.run_dir / "predictions").glob("*.jsonl")]
    return sum(json.loads(line)["version"] == version for text in texts for line in text.splitlines())


def test_uncertain_images_and_those_on_which_versions_disagree_come_out_and_answers_are_what_they_were(
    harvesting: Server, cells: list[bytes], float32_folder: Path, tmp_path: Path
) -> None:
    server, out = harvesting, tmp_path / "harvest"
    assert server.ask("register", "--version", "2.0")["warmed_with"] > 0
    answers = ask(server, cells)
    alone = Service.load(float32_folder, Settings())
    assert answers == [json.loads(alone.reply_all([request(cell)])[0][0].body)["predictions"] for cell in cells]
    uncertain = {
        digest(cell)
        for cell, (best, second) in zip(cells, answers, strict=True)
        if best["probability"] - second["probability"] < MARGIN
    }
    assert 0 < len(uncertain) < len(cells)
    every = {digest(cell) for cell in cells}
    assert processes.wait_until(lambda: kept(server, "uncertain") == uncertain, 30)
    assert processes.wait_until(lambda: kept(server, "mirrored") | uncertain == every, 30)
    # Some of them warmed the workers of 2.0, which kept none.
    notes = (server.run_dir / "harvest" / MODEL / "uncertain").glob("*.json")
    assert {json.loads(note.read_text())["version"] for note in notes} == {"1.0"}
    assert processes.wait_until(lambda: logged(server, "1.0") == logged(server, "contradicts") == len(cells), 30)

    said = server.ask("harvest", "--out", str(out))
    came = {path.stem for path in (out / "unlabelled").iterdir()}
    shadows = ask(server, cells, version="contradicts")
    differ = {
        digest(cell)
        for cell, mine, its in zip(cells, answers, shadows, strict=True)
        if mine[0]["label"] != its[0]["label"]
    }
    assert 0 < len(differ - uncertain) < len(every - uncertain)
    assert came == uncertain | differ
    assert (said["low_margin"], said["disagree"]) == (len(uncertain), len(differ - uncertain))
    assert kept(server, "mirrored") >= every - came
    with (out / "about.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["digest"] for row in rows} == came
    assert all(
        (row["version"], row["shadow"]) == ("1.0", "contradicts") and row["label"] != row["shadow_label"]
        for row in rows
        if row["reason"] == "versions disagree"
    )

    # The same images again, and a stop: none comes twice.
    ask(server, cells)
    assert dropped(server) == {"0.0"}
    assert server.verb("stop").returncode == 0
    again = server.ask("harvest", "--out", str(out))
    assert (again["low_margin"], again["disagree"]) == (0, 0)
    assert {path.stem for path in (out / "unlabelled").iterdir()} == came


def request(image: bytes) -> Request:
    return Request({"body": image}, {})


def dropped(server: Server) -> set[str]:
    text = requests.get(server.metrics_url, timeout=10).text
    return set(re.findall(r"^HarvestDropped\{.*\} (\S+)$", text, flags=re.MULTILINE))
