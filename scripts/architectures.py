"""What a torchvision classifier becomes here, with random weights: `python -m scripts.architectures resnet18 vit_b_16`.

It goes the way of every version, export and both quantized graphs, and is asked about images of clouds. This shows
whether an architecture works at all, how large its files are and how long it takes; not how accurate it gets.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from handler.engine import Engine
from handler.metadata import Arithmetic, Preprocessing
from scripts import cli
from scripts.pipeline.export import export
from scripts.pipeline.latency import thread_seconds
from scripts.pipeline.network import build_network
from scripts.pipeline.pretrained import imagenet_preprocessing
from scripts.pipeline.quantize import MIN_CALIBRATION_IMAGES, quantize_for_serving

CLASSES = 10
TEST_IMAGES = 32
ROUNDS = 9
_PATCHES = 5


@dataclass(frozen=True)
class Figure:
    """One graph of an architecture.

    Attributes:
        megabytes: of its file.
        ms: for one image by one thread; processor time, the median of `ROUNDS`.
        correlation: with the float32 graph's logits, both less what those are on average over all images: that says
            nothing about an image, and would hide any error.
        agreement: share of the images on which both then name the same class first.
    """

    megabytes: float
    ms: float
    correlation: float
    agreement: float


def clouds(count: int, side: int, seed: int) -> NDArray[np.uint8]:
    """Return uint8 [count, 3, side, side]: clouds of colour, each in its own light, so that answers differ."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, _PATCHES, _PATCHES, 3), dtype=np.uint8)
    large = [np.asarray(Image.fromarray(cloud).resize((side, side), Image.Resampling.BICUBIC)) for cloud in small]
    lit = random.uniform(0.2, 1, (count, 1, 1, 3)) * np.stack(large)
    grainy = lit + random.uniform(0, 30, (count, side, side, 3))
    whole: NDArray[np.uint8] = np.clip(grainy, 0, 255).astype(np.uint8)
    return whole.transpose(0, 3, 1, 2)


def normalised(images: NDArray[np.uint8], preprocessing: Preprocessing) -> Tensor:
    """Return float32 [n, 3, height, width] of uint8 of the same shape."""
    mean, std = (np.array(value, np.float32).reshape(3, 1, 1) for value in (preprocessing.mean, preprocessing.std))
    return torch.from_numpy((images / np.float32(255) - mean) / std)


@torch.no_grad()
def random_network(architecture: str, preprocessing: Preprocessing) -> nn.Module:
    """Return a network with random weights whose batch norms have seen images, so that it tells them apart.

    A random network amplifies every rounding, as no trained one does: with torchvision's own start, weights of seven
    bits alone leave a correlation of 0.6 in MobileNetV2. With values shifted to where activations pass them on, 0.95.
    """
    torch.manual_seed(0)
    network = build_network(architecture, CLASSES).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1
            module.bias.fill_(1)
        elif isinstance(module, nn.Dropout):
            module.p = 0
        elif isinstance(module, nn.Linear) and module.out_features == CLASSES:
            module.weight.normal_(std=0.05)  # A vision transformer's last layer starts at zero.
    network(normalised(clouds(TEST_IMAGES, preprocessing.crop, seed=1), preprocessing))
    return network.eval()


def measure(architecture: str) -> dict[str, Figure]:
    """Return the figures of the float32 graph, int8 weights with int8 arithmetic and with fp32 arithmetic.

    Raises:
        UserError: torchvision has no such classifier.
    """
    preprocessing = imagenet_preprocessing(architecture)
    images = clouds(TEST_IMAGES, preprocessing.crop, seed=2)
    with TemporaryDirectory() as name:
        folder = Path(name)
        export(random_network(architecture, preprocessing), preprocessing, folder / "float32")
        # Ranges are found over histograms of every activation: of many images at once they take gigabytes.
        calibration = clouds(MIN_CALIBRATION_IMAGES, preprocessing.crop, seed=3)
        quantize_for_serving(folder / "float32", calibration, folder / "int8 arithmetic", folder / "fp32 arithmetic")
        graphs: dict[str, Arithmetic] = {"float32": "fp32", "int8 arithmetic": "int8", "fp32 arithmetic": "fp32"}
        expected = Engine.load(folder / "float32", "fp32", threads=1).logits(images)
        return {
            graph: _figure(folder / graph, Engine.load(folder / graph, arithmetic, threads=1), images, expected)
            for graph, arithmetic in graphs.items()
        }


def _figure(graph: Path, engine: Engine, images: NDArray[np.uint8], expected: NDArray[np.float32]) -> Figure:
    logits = engine.logits(images)
    seconds = [thread_seconds(engine, images[:1]) for _ in range(ROUNDS)]
    expected, logits = expected - expected.mean(0), logits - expected.mean(0)
    return Figure(
        megabytes=graph.stat().st_size / 1e6,
        ms=1000 * float(np.median(seconds)),
        correlation=float(np.corrcoef(expected.ravel(), logits.ravel())[0, 1]),
        agreement=float((logits.argmax(1) == expected.argmax(1)).mean()),
    )


def main(
    architectures: Annotated[list[str], typer.Argument(help="torchvision's names.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Export and quantize torchvision classifiers with random weights, and say how large and fast they become."""
    found = {}
    for architecture in architectures:
        found[architecture] = measure(architecture)
        if not as_json:
            for graph, figure in found[architecture].items():
                print(
                    f"{architecture:20} {graph:16} {figure.megabytes:7.1f} MB {figure.ms:7.1f} ms   "
                    f"correlation {figure.correlation:.3f}   agreement {figure.agreement:4.0%}",
                    flush=True,
                )
    if as_json:
        print(json.dumps({name: {graph: asdict(one) for graph, one in of.items()} for name, of in found.items()}))


if __name__ == "__main__":
    cli.run(main)
