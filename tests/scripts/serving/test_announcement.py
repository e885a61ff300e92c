import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from handler.decode import EncodedImage
from scripts.errors import UserError
from scripts.pipeline.data import elpv, named
from scripts.pipeline.data.split import write_split
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Data, Folder, Named
from scripts.serving import examples, warming
from scripts.serving.announcement import facts
from scripts.serving.examples import contents, first
from scripts.serving.installation import Installation
from tests.scripts.pipeline.data.pictures import fill


def serving(folder: Path, data: Data, labels: tuple[str, ...] = ("cat", "dog")) -> Installation:
    """What is wanted of a server in `folder`, of a model of other data."""
    spec = Spec.load(Path("models/elpv")).model_copy(update={"data": data, "labels": labels, "folder": folder})
    return replace(Installation.read({"RUN_DIR": str(folder / "run")}), spec=spec)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Images; the cats are the test part."""
    folder = fill(tmp_path / "photos", {"cat": 3, "dog": 1})
    write_split({f"cat/{number}.png": "test" for number in range(3)}, tmp_path / "split.csv")
    return folder


def of_a_folder(photos: Path) -> Installation:
    return serving(photos.parent, Folder(source="folder", folder=str(photos), split="split.csv"))


def test_a_model_of_a_data_set_that_would_be_fetched_shows_a_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(named, "_fetch", lambda *_: pytest.fail("a data set was fetched"))
    data = Named(source="mnist", folder=str(tmp_path), split="split.csv")
    assert first(serving(tmp_path, data, tuple("0123456789"))) == elpv.cells()[0].path


def test_a_model_of_a_folder_shows_a_test_image_of_it(photos: Path):
    assert first(of_a_folder(photos)).read_bytes() == (photos / "cat" / "0.png").read_bytes()


def test_what_was_left_out_is_not_shown_though_it_comes_first(photos: Path):
    (photos / "cat" / "-.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    assert first(of_a_folder(photos)).read_bytes() == (photos / "cat" / "0.png").read_bytes()


def test_an_image_that_the_server_would_refuse_is_not_shown(photos: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    Image.new("1", (50, 50)).save(photos / "cat" / "0.png")  # Over twice Pillow's limit, at which it raises.
    with (photos / "cat" / "1.png").open("r+b") as damaged:
        damaged.truncate(60)
    assert first(of_a_folder(photos)).read_bytes() == (photos / "cat" / "2.png").read_bytes()


def test_a_model_that_is_served_without_its_data_shows_a_cell(photos: Path):
    wanted = of_a_folder(photos)
    (photos.parent / "split.csv").unlink()
    assert first(wanted) == elpv.cells()[0].path


def test_a_version_is_warmed_with_images_of_the_models_own_data_that_it_takes(photos: Path):
    (photos / "cat" / "1.png").write_bytes(b"no picture any more")
    own = [(photos / "cat" / f"{number}.png").read_bytes() for number in (0, 2)]
    assert contents(of_a_folder(photos), 8) == own
    assert contents(of_a_folder(photos), 1) == own[:1]


def test_a_version_is_warmed_with_cells_where_its_own_data_is_not_at_hand(photos: Path):
    wanted = of_a_folder(photos)
    (photos.parent / "split.csv").unlink()
    assert contents(wanted, 3) == [cell.path.read_bytes() for cell in elpv.cells()[:3]]


def test_a_version_is_warmed_with_noise_where_there_are_no_cells_either(photos: Path, monkeypatch: pytest.MonkeyPatch):
    def missing():
        raise UserError("not installed")

    monkeypatch.setattr(elpv, "cells", missing)
    (photos.parent / "split.csv").unlink()
    assert contents(of_a_folder(photos), 3) == []
    EncodedImage.open(warming._noise(), 25).decode()


def test_whatever_goes_wrong_in_choosing_an_image_the_server_says_that_it_is_ready(
    photos: Path, monkeypatch: pytest.MonkeyPatch
):
    def bomb(_wanted: Installation) -> Path:
        raise Image.DecompressionBombError

    monkeypatch.setattr(examples, "first", bomb)
    wanted = of_a_folder(photos)
    words = shlex.split(facts(wanted, {})["try"])
    assert words == [
        *("curl", "-H", "content-type: image/jpeg", "--data-binary", "@image.jpg"),
        f"{wanted.url}/predictions/mobilenet_v3",
    ]
