from pathlib import Path

import pytest

from scripts.pipeline.data import elpv, named
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Data, Folder, Named
from scripts.serving.announcement import _example
from tests.scripts.pipeline.data.pictures import fill


def spec_of(data: Data, labels: tuple[str, ...] = ("cat", "dog")) -> Spec:
    return Spec.load(Path("models/elpv")).model_copy(update={"data": data, "labels": labels})


def test_a_model_of_a_data_set_that_would_be_fetched_shows_a_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(named, "_fetch", lambda *_: pytest.fail("a data set was fetched"))
    data = Named(source="mnist", folder=str(tmp_path), split="split.csv")
    assert _example(spec_of(data, tuple("0123456789")), tmp_path) == elpv.cells()[0].path


def test_a_model_of_a_folder_shows_an_image_of_it(tmp_path: Path):
    photos = fill(tmp_path / "photos", {"cat": 1, "dog": 1})
    data = Folder(source="folder", folder=str(photos), split="split.csv")
    assert _example(spec_of(data), tmp_path).read_bytes() == (photos / "cat" / "0.png").read_bytes()
