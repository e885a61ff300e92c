"""Images as an aged camera would take them, and their labels."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from load_tests import drift
from scripts.errors import UserError
from scripts.pipeline.data.sources import samples
from scripts.pipeline.spec import Spec

ELPV = Path("models/elpv")


def test_an_image_is_darker_and_the_same_each_time() -> None:
    sample = samples(Spec.load(ELPV), "train")[0]
    aged = drift.by_other_camera(sample).read()
    assert aged == drift.by_other_camera(sample).read()
    before, after = (np.asarray(Image.open(io.BytesIO(each)).convert("L")) for each in (sample.read(), aged))
    assert after.mean() < before.mean()
    assert before.shape == after.shape


def test_what_was_harvested_of_it_is_moved_to_its_label_and_all_else_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(drift, "IMAGES", 4)
    drift.images.cache_clear()
    (tmp_path / "unlabelled").mkdir()
    known = {hashlib.sha256(body).hexdigest(): label for body, label in drift.images(ELPV.resolve()).items()}
    for name in [*known, "somebody-elses"]:
        (tmp_path / "unlabelled" / f"{name}.jpg").touch()
    drift.main(tmp_path, "elpv")
    drift.images.cache_clear()
    moved = {path.stem: path.parent.name for path in tmp_path.glob("*/*.jpg")}
    assert moved == {**known, "somebody-elses": "unlabelled"}
    assert f"{len(known)} of {len(known) + 1} images moved" in capsys.readouterr().out


def test_only_images_of_the_train_part_are_aged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drift, "IMAGES", 4)
    drift.images.cache_clear()
    train = samples(Spec.load(ELPV), "train")
    ours = {drift.by_other_camera(sample).read() for sample in train[:: len(train) // 4]}
    assert set(drift.images(ELPV.resolve())) == ours
    drift.images.cache_clear()


def test_a_folder_without_a_harvest_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder; `make harvest` makes it"):
        drift.main(tmp_path, "elpv")
