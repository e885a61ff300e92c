"""From a folder of 40 photos to a served version, in a copy of the project; its training is killed on the way."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image
from safetensors.torch import load_file

from scripts.pipeline.new_model import create
from scripts.serving.places import REPOSITORY, variable
from tests.integration.server import free_ports

PARTS = ("config.properties", "traffic.yaml", "deploy", "handler", "models/elpv", "scripts")
LABELS = ("Äpfel 🍎", "ships, old")
VERB_S = 300


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """Return a copy of what serves and trains, with photos; its path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="ts-") as name:
        folder = Path(name).resolve()
        for part in PARTS:
            copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            copy(REPOSITORY / part, folder / part)
        _photos(folder / "photos")
        yield folder


def _photos(folder: Path) -> None:
    """Twenty pictures of each label, each with its own colour, texture and format; one file is broken."""
    generator = np.random.default_rng(1)
    for label, colour in zip(LABELS, ((200, 60, 40), (40, 90, 200)), strict=True):
        (folder / label).mkdir(parents=True)
        for number in range(20):
            height, width = generator.integers(120, 200, 2)
            pixels = np.clip(np.array(colour) + generator.normal(0, 40, (height, width, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{number}.{('jpg', 'png', 'webp')[number % 3]}")
    (folder / LABELS[0] / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")


def _shorten(spec: Path) -> None:
    """Make the recipe a matter of seconds, and the gate one that a network of three epochs passes."""
    text = spec.read_text()
    for pattern, short in {
        r"epochs: \d+": "epochs: 1",
        r"resize: \d+": "resize: 64",
        r"crop: \d+": "crop: 64",
        r"side: \d+": "side: 64",
        r"min_accuracy: [\d.]+": "min_accuracy: 0",
        r"max_drop: [\d.]+": "max_drop: 1",
        r"min_agreement: [\d.]+": "min_agreement: 0",
    }.items():
        text, changes = re.subn(pattern, short, text)
        assert changes, pattern
    spec.write_text(text)


@pytest.fixture(scope="module")
def environment(project: Path) -> dict[str, str]:
    """Return what the verbs need: free ports, no network, an empty cache of torch."""
    ports = {variable(name): str(port) for name, port in free_ports().items()}
    path = {"PATH": str(Path(sys.executable).parent), "HOME": str(project), "TORCH_HOME": str(project / "torch")}
    return ports | path | {"https_proxy": "http://127.0.0.1:9", "MODEL": "pets"}


@pytest.fixture(scope="module")
def models(project: Path, environment: dict[str, str]) -> Path:
    """Return the folder of models, with `pets` and an equal `twins`, not yet trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for name in ("TORCH_HOME", "https_proxy"):
            patch.setenv(name, environment[name])
        created = create(Path("models/pets"), "photos", lambda done, of: None)
    assert created.images == "26 train, 4 val, 10 test"
    assert "1 unreadable" in created.summary()
    assert "training starts from models/elpv/checkpoint.safetensors" in created.summary()
    _shorten(project / "models/pets/spec.yaml")
    shutil.copytree(project / "models/pets", project / "models/twins")
    return project / "models"


def run(project: Path, environment: dict[str, str], *words: str) -> str:
    """Return what a verb prints; it has to succeed."""
    argv = [sys.executable, "-m", *words]
    done = subprocess.run(
        argv, cwd=project, env=environment, capture_output=True, text=True, timeout=VERB_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
