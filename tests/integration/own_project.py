"""A copy of the project with photos of its own: what trains, archives and serves another model than the shipped one."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import Image

from scripts.pipeline.new_model import create
from scripts.serving.places import REPOSITORY, variable
from tests.integration.server import free_ports

PARTS = ("config.properties", "traffic.yaml", "deploy", "handler", "models/elpv", "scripts")
COLOURS = ((200, 60, 40), (40, 90, 200))
"""Of the first and of the second label's photos."""
VERB_S = 300


@contextmanager
def copied() -> Iterator[Path]:
    """Give a copy of what serves and trains; its path leaves room for a socket's name."""
    with TemporaryDirectory(prefix="ts-") as name:
        folder = Path(name).resolve()
        for part in PARTS:
            copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            copy(REPOSITORY / part, folder / part)
        yield folder


def photo(colour: tuple[int, int, int], generator: np.random.Generator) -> Image.Image:
    """Return a noisy picture of one colour."""
    height, width = generator.integers(120, 200, 2)
    pixels = np.clip(np.array(colour) + generator.normal(0, 40, (height, width, 3)), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def environment(project: Path) -> dict[str, str]:
    """Return what the verbs need to serve `pets`: free ports, no network, an empty cache of torch."""
    ports = {variable(name): str(port) for name, port in free_ports().items()}
    # Without the system's commands, as in a slim container: TorchServe ends a worker by `kill`.
    path = {"PATH": str(Path(sys.executable).parent), "HOME": str(project), "TORCH_HOME": str(project / "torch")}
    return ports | path | {"https_proxy": "http://127.0.0.1:9", "MODEL": "pets"}


def make_pets(project: Path, environment: Mapping[str, str]) -> str:
    """Make models/pets of the folder `photos`, its training a matter of seconds; return what is said of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for name in ("TORCH_HOME", "https_proxy"):
            patch.setenv(name, environment[name])
        said = create(Path("models/pets"), "photos", lambda done, of: None).summary()
    shorten(project / "models/pets/spec.yaml")
    return said


def shorten(spec: Path) -> None:
    """Make the recipe a matter of seconds, and the gate one that a network of few epochs passes."""
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


def run(project: Path, environment: Mapping[str, str], *words: str) -> str:
    """Return what a verb prints; it has to succeed."""
    argv = [sys.executable, "-m", *words]
    done = subprocess.run(
        argv, cwd=project, env=environment, capture_output=True, text=True, timeout=VERB_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
