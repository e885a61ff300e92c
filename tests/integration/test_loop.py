"""The whole loop, on 40 photos in a copy of the project: from serving by harvest, label, training, gate to canary."""

import hashlib
import io
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import requests

from scripts.serving import processes
from tests.integration import own_project
from tests.integration.own_project import COLOURS, copied, make_pets, photo, run

pytestmark = pytest.mark.releases

LABELS = ("blue", "red")
CALLERS = 4


def encoded(colour: tuple[int, int, int], generator: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    photo(colour, generator).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def project() -> Iterator[Path]:
    """Return a copy of the project with twenty photos of each label, and a configuration that keeps every image."""
    with copied() as folder:
        generator = np.random.default_rng(1)
        for label, colour in zip(LABELS, reversed(COLOURS), strict=True):
            (folder / "photos" / label).mkdir(parents=True)
            for number in range(20):
                photo(colour, generator).save(folder / "photos" / label / f"{number}.png")
        recipe = folder / "scripts/pipeline/recipe.py"
        assert "_FINE_TUNING_STEPS = 400\n" in recipe.read_text()
        recipe.write_text(recipe.read_text().replace("_FINE_TUNING_STEPS = 400\n", "_FINE_TUNING_STEPS = 8\n"))
        config = (folder / "config.properties").read_text()
        config = config.replace("handler.harvest=off", "handler.harvest=on")
        (folder / "config.properties").write_text(re.sub(r"harvest_margin=[\d.]+", "harvest_margin=1", config))
        yield folder


def test_from_2_0_to_a_retrained_3_0(project: Path) -> None:
    environment = own_project.environment(project)
    make_pets(project, environment)

    def verb(name: str, *words: str) -> str:
        return run(project, environment, f"scripts.{name}", *words)

    verb("train", "--model", "pets")
    for version, precision in (("1.0", "float32"), ("2.0", "int8")):
        verb("archive", "--model", "pets", "--version", version, "--precision", precision)
    url = json.loads(verb("start", "--json"))["url"] + "/predictions/pets"
    try:
        verb("promote", "--version", "2.0")
        truth = ask_about_new_images(url)
        assert processes.wait_until(lambda: len(list((project / "run/harvest").rglob("*.png"))) == len(truth), 30)
        assert json.loads(verb("harvest", "--json"))["unlabelled"] == len(truth)
        for path in (project / "harvest/unlabelled").iterdir():
            path.rename(project / "harvest" / truth[path.stem] / path.name)
        further = json.loads(verb("train", "--model", "pets_2", "--data", "harvest", "--from", "pets", "--json"))
        assert further["also"][0]["images"] == {"blue": 6, "red": 6}
        verb(
            *("archive", "--model", "pets", "--version", "3.0"),
            *("--precision", "int8"),
            *("--checkpoint", further["checkpoint"]),
        )
        verb("register", "--version", "3.0")
        with callers(url):
            steps = ("--steps", "50,100", "--requests", "50", "--hold", "0", "--tolerated-disagreement", "100")
            assert "3.0 gets everything" in verb("canary", "--version", "3.0", *steps)
        assert json.loads(verb("retire", "--version", "1.0", "--json"))["was_there"] is True
        assert requests.post(url, new_images(1)[0][0], timeout=60).json()["version"] == "3.0"
    finally:
        verb("stop")


def ask_about_new_images(url: str) -> dict[str, str]:
    """Return the labels of images that no data has and the server was asked about, by their digests."""
    asked = new_images(6)
    for body, _ in asked:
        assert requests.post(url, body, timeout=60).status_code == HTTPStatus.OK
    return {hashlib.sha256(body).hexdigest(): label for body, label in asked}


def new_images(each: int, seed: int = 2) -> list[tuple[bytes, str]]:
    generator = np.random.default_rng(seed)
    pairs = list(zip(reversed(COLOURS), LABELS, strict=True))
    return [(encoded(colour, generator), label) for _ in range(each) for colour, label in pairs]


@contextmanager
def callers(url: str) -> Iterator[None]:
    """Ask for the length of a block, of which no request may fail."""
    over = threading.Event()
    bodies = [body for body, _ in new_images(40, seed=3)]

    def caller(first: int) -> set[int]:
        found = set()
        for body in cycle(bodies[first::CALLERS]):
            if over.is_set():
                return found
            found.add(requests.post(url, body, timeout=60).status_code)
        raise AssertionError("nothing to send")

    with ThreadPoolExecutor(CALLERS) as pool:
        asking = [pool.submit(caller, first) for first in range(CALLERS)]
        try:
            yield
        finally:
            over.set()
        assert {status for each in asking for status in each.result()} == {HTTPStatus.OK}
