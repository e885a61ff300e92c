import io
import json
from pathlib import Path

from PIL import Image

from benchmarks import workload
from handler.request import Request
from handler.service import Service
from handler.settings import Settings


def test_photos_are_500x375_jpegs_whose_labels_the_handler_gives(int8_folder: Path, tmp_path: Path) -> None:
    found = workload.prepare("photo", (int8_folder,), tmp_path, images=4)
    service = Service.load(int8_folder, Settings())
    assert found.paths
    for label, path in zip(found.labels, found.paths, strict=True):
        image = Image.open(io.BytesIO(path.read_bytes()))
        assert (image.format, image.size) == ("JPEG", (500, 375))
        [reply], _ = service.reply_all([Request({"body": path.read_bytes()}, {})])
        assert json.loads(reply.body)["predictions"][0]["label"] == label


def test_the_same_images_are_made_again(int8_folder: Path, tmp_path: Path) -> None:
    first, second = (workload.prepare("photo", (int8_folder,), tmp_path / name, images=4) for name in ("a", "b"))
    assert [path.read_bytes() for path in first.paths] == [path.read_bytes() for path in second.paths]


def test_the_manifest_names_every_image_with_its_label(int8_folder: Path, tmp_path: Path) -> None:
    found = workload.prepare("cell", (int8_folder,), tmp_path, images=4)
    lines = found.manifest.read_text().splitlines()
    assert lines == [f"{label} {path}" for label, path in zip(found.labels, found.paths, strict=True)]
