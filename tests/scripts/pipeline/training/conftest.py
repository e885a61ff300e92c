from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from handler.metadata import Preprocessing
from scripts.pipeline.network import build_network
from scripts.pipeline.spec_training import Augmentation, LossWeights, Phase, Training
from scripts.pipeline.training.lesson import Lesson
from scripts.pipeline.training.packed import Packed
from scripts.pipeline.training.trainer import Images, Trainer

PREPROCESSING = Preprocessing(resize=64, crop=64, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
PLAIN = Augmentation(turns="dihedral", aspect=1, brightness=0.1, contrast=0.1)


@pytest.fixture(scope="session")
def images() -> Images:
    """Eight images of noise, dark ones of the first label and light ones of the second."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(128, (8, 3, 80, 80), generator=generator, dtype=torch.uint8)
    pixels[1::2] += 100
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat(4, 1)
    return Images(Packed(pixels, targets, "a"), Packed(pixels[:2, :, :64, :64], targets[:2], "b"))


def phase(name: str, epochs: int, **changes: object) -> Phase:
    usual = {"batch": 4, "side": 64, "scale": (0.5, 1), "learning_rate": 0.001, "weight_decay": 0.01}
    return Phase(**{"name": name, "epochs": epochs, **usual, "loss": LossWeights(labels=1), **changes})


def training(*phases: Phase, **changes: object) -> Training:
    usual = {"seed": 1, "start": "random", "side": 80, "average": 0.5, "augmentation": PLAIN}
    return Training(**{**usual, "phases": phases, **changes})


@pytest.fixture
def new_trainer(images: Images) -> Callable[..., Trainer]:
    def make(folder: Path, *phases: Phase) -> Trainer:
        torch.manual_seed(1)
        recipe = training(*phases)
        lesson = Lesson(build_network("mobilenet_v3_small", 2), recipe, images.train.targets, None)
        return Trainer(lesson, recipe, PREPROCESSING, folder / "state.pt", torch.device("cpu"))

    return make
