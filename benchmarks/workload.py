"""The images that everybody gets, and the labels that everybody has to give."""

import io
import json
import zipfile
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from handler.request import Request
from handler.service import Service
from handler.settings import Settings
from scripts.errors import UserError
from scripts.pipeline.data import elpv

PHOTO_SIZE = (500, 375)
JPEG_QUALITY = 90
KINDS = ("photo", "cell")
# Of one kind. Enough that nobody's cache of one image counts, few enough for wrk to hold.
IMAGES = 32
# A label nearer to one half than this is a close call: another, equally good, scaling may give the other one.
_CLEAR_PROBABILITY = 0.65


@dataclass(frozen=True)
class Workload:
    """Images of one kind on disk.

    Attributes:
        kind: `photo`, 500x375 JPEG at quality 90, or `cell`, 300x300 PNG.
        labels: of each image, by the product's handler in process, without a server.
        paths: of each image.
        manifest: a file with a line `<label> <path>` for each.
    """

    kind: str
    labels: tuple[str, ...]
    paths: tuple[Path, ...]
    manifest: Path

    def distinct_labels(self) -> tuple[str, ...]:
        """Return every label that occurs."""
        return tuple(dict.fromkeys(self.labels))

    def mean_bytes(self) -> float:
        """Return the mean size of an encoded image, bytes."""
        return float(np.mean([path.stat().st_size for path in self.paths]))


def unpack(archive: Path, folder: Path) -> Path:
    """Return `folder` with the content of an archive, as TorchServe unpacks it."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


def prepare(kind: str, archives: tuple[Path, ...], folder: Path, images: int = IMAGES) -> Workload:
    """Return a workload of one of `KINDS`; see `collect`."""
    return collect(kind, _photos() if kind == "photo" else _cells(), archives, folder, images)


def collect(
    kind: str, candidates: list[bytes], archives: tuple[Path, ...], folder: Path, images: int = IMAGES
) -> Workload:
    """Return a workload of encoded images whose labels all of the archives agree on, clearly.

    Every label gets as many images as can be found, up to an equal share each.

    Args:
        kind: names it.
        candidates: encoded images; what the handler can't read is left out.
        archives: unpacked.
        folder: where its files go.
        images: at most.

    Raises:
        UserError: there are none.
    """
    services = [Service.load(archive, Settings()) for archive in archives]
    found = [(label, encoded) for encoded in candidates if (label := _clear_label(services, encoded))]
    by_label = {label: [item for item in found if item[0] == label] for label in dict(found)}
    if not by_label:
        raise UserError("no image has a clear label; is the checkpoint trained, and are these images of its kind?")
    chosen = [item for items in by_label.values() for item in items[: max(1, images // len(by_label))]]
    (folder / kind).mkdir(parents=True)
    paths = []
    for number, (_, encoded) in enumerate(chosen):
        paths.append(folder / kind / f"{number:02}")
        paths[-1].write_bytes(encoded)
    labels = tuple(label for label, _ in chosen)
    manifest = folder / f"{kind}.txt"
    manifest.write_text("".join(f"{label} {path}\n" for label, path in zip(labels, paths, strict=True)))
    return Workload(kind, labels, tuple(paths), manifest)


def _clear_label(services: list[Service], encoded: bytes) -> str | None:
    labels = set()
    for service in services:
        [reply], _ = service.reply_all([Request({"body": encoded}, {})])
        best = json.loads(reply.body)["predictions"][0] if reply.status == HTTPStatus.OK else None
        if best is None or best["probability"] < _CLEAR_PROBABILITY:
            return None
        labels.add(str(best["label"]))
    return labels.pop() if len(labels) == 1 else None


def _cells() -> list[bytes]:
    """Every ninth cell, so that all kinds of cells are there."""
    return [cell.path.read_bytes() for cell in elpv.cells()[::9]]


def photographs() -> list[Image.Image]:
    """Return scikit-learn's two sample photographs, 640x427, RGB."""
    return [Image.open(path).convert("RGB") for path in sorted(_sample_folder().glob("*.jpg"))]


def _photos() -> list[bytes]:
    """Views of 500x375 out of real pictures: scikit-learn's two photographs, in colour, and cells, enlarged."""
    cells = [
        Image.open(cell.path).convert("RGB").resize((640, 640), Image.Resampling.BICUBIC) for cell in elpv.cells()[::41]
    ]
    generator = np.random.default_rng(20191)
    views = [_view(image, generator) for _ in range(48) for image in photographs()]
    # Cells last: they are taken only where photographs don't give a label often enough.
    return views + [_view(image, generator) for image in cells]


def _view(image: Image.Image, generator: np.random.Generator) -> bytes:
    width, height = PHOTO_SIZE
    zoom = generator.uniform(0.7, 1.0) * min(image.width / width, image.height / height)
    wide, high = width * zoom, height * zoom
    left = generator.uniform(0, image.width - wide)
    top = generator.uniform(0, image.height - high)
    view = image.resize(PHOTO_SIZE, Image.Resampling.BICUBIC, box=(left, top, left + wide, top + high))
    stream = io.BytesIO()
    view.save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def _sample_folder() -> Path:
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise UserError("scikit-learn, whose sample photographs are used, is not installed; `make setup` installs it.")
    return Path(package.origin).parent / "datasets" / "images"
