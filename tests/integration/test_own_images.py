"""From a folder of 40 photos to a served version, in a copy of the project; its training is killed on the way."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from safetensors.torch import load_file

from tests.integration import own_project
from tests.integration.own_project import COLOURS, copied, make_pets, photo, run

pytestmark = pytest.mark.operations

LABELS = ("Äpfel 🍎", "ships, old")


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """Return a copy of the project, with photos."""
    with copied() as folder:
        _photos(folder / "photos")
        yield folder


def _photos(folder: Path) -> None:
    """Twenty pictures of each label, each with its own colour, texture and format; one file is broken."""
    generator = np.random.default_rng(1)
    for label, colour in zip(LABELS, COLOURS, strict=True):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            photo(colour, generator).save(folder / label / f"{number}.{('jpg', 'png', 'webp')[number % 3]}")
    (folder / LABELS[0] / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")


@pytest.fixture(scope="module")
def environment(project: Path) -> dict[str, str]:
    """Return what the verbs need."""
    return own_project.environment(project)


@pytest.fixture(scope="module")
def models(project: Path, environment: dict[str, str]) -> Path:
    """Return the folder of models, with `pets` and an equal `twins`, not yet trained."""
    said = make_pets(project, environment)
    assert "26 train, 4 val, 10 test" in said
    assert "1 unreadable" in said
    assert "training starts from models/elpv/checkpoint.safetensors" in said
    shutil.copytree(project / "models/pets", project / "models/twins")
    return project / "models"


@pytest.fixture(scope="module")
def trained(project: Path, environment: dict[str, str], models: Path) -> Path:
    """Return the model's folder after a training that was killed in its second epoch and then taken up again."""
    argv = [sys.executable, "-m", "scripts.train", "--model", "pets", "--data", "photos"]
    log = project / "runs/train/pets/training_log.csv"
    with subprocess.Popen(argv, cwd=project, env=environment, stdout=subprocess.PIPE) as killed:
        while not log.is_file():
            assert killed.poll() is None, "the training ended before its first epoch"
            time.sleep(0.01)
        killed.kill()
    assert not (models / "pets/checkpoint.safetensors").exists()
    run(project, environment, "scripts.train", "--model", "pets")
    return models / "pets"


def test_a_training_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    project: Path, environment: dict[str, str], models: Path, trained: Path
) -> None:
    run(project, environment, "scripts.train", "--model", "twins")
    pets, twins = (load_file(models / name / "checkpoint.safetensors") for name in ("pets", "twins"))
    assert all((pets[name] == value).all() for name, value in twins.items())
    rows = (trained / "training_log.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [["1", "head"], ["2", "last blocks"], ["3", "all"]]
    assert (trained / "training.png").read_bytes().startswith(b"\x89PNG")


def test_the_trained_model_is_archived_served_and_answers_with_its_labels(
    project: Path, environment: dict[str, str], trained: Path
) -> None:
    for version, precision in (("1.0", "float32"), ("2.0", "int8")):
        run(project, environment, "scripts.archive", "--model", "pets", "--version", version, "--precision", precision)
    try:
        url = json.loads(run(project, environment, "scripts.start", "--json"))["url"]
        photo = (project / "photos" / LABELS[1] / "0.jpg").read_bytes()
        for version in ("1.0", "2.0"):
            headers = {"content-type": "image/jpeg"}
            answer = requests.post(f"{url}/predictions/pets/{version}", photo, headers=headers, timeout=60).json()
            assert (answer["model"], answer["version"]) == ("pets", version)
            assert {prediction["label"] for prediction in answer["predictions"]} == set(LABELS)
    finally:
        run(project, environment, "scripts.stop")
