import shutil
from pathlib import Path

import numpy as np
import pytest

from scripts.errors import UserError
from scripts.pipeline.data import unlabelled
from scripts.pipeline.data.photos import photos
from scripts.pipeline.data.unlabelled import VIEWS, View
from scripts.pipeline.images import calibration_images
from scripts.pipeline.spec import MODELS, Spec

SPEC = Spec.load(MODELS / "imagenet")


def copied(folder: Path, count: int) -> Spec:
    (folder / "images").mkdir()
    for path in photos(SPEC)[:count]:
        shutil.copy(path, folder / "images")
    return SPEC.model_copy(update={"folder": folder})


def test_calibration_and_gate_see_many_views_of_different_photos(tmp_path: Path) -> None:
    calibration, gate = calibration_images(SPEC), unlabelled.images(SPEC, "gate")
    assert calibration.shape == (256, 3, 224, 224)
    assert gate.shape == (288, 3, 224, 224)
    assert len({view.tobytes() for view in gate}) == 288
    # Other photos for calibration, the same ones for the gate.
    spec = copied(tmp_path, 16)
    for path in photos(spec)[0::2]:
        shutil.copy(photos(spec)[1], path)
    assert np.array_equal(unlabelled.images(spec, "gate"), gate)
    assert not np.array_equal(calibration_images(spec), calibration)


def test_the_same_views_come_each_time() -> None:
    assert np.array_equal(calibration_images(SPEC), calibration_images(SPEC))


def test_views_are_squares_inside_the_photo_and_their_mirror_images() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 100, 3), dtype=np.uint8)
    assert len(set(VIEWS)) == len(VIEWS) == 36
    for view in VIEWS:
        cut = view.of(pixels)
        assert cut.shape[0] == cut.shape[1] == round(60 * view.size)
    assert np.array_equal(View(1, 1, 0, True).of(pixels), pixels[:, 40:][:, ::-1])
    assert View(0.55, 0.5, 0.5, False).of(pixels[:1, :1]).shape == (1, 1, 3)


def test_too_few_photos_are_refused_with_the_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"images: holds 7 photos; put at least 8 there"):
        unlabelled.images(copied(tmp_path, 7), "gate")


def test_a_damaged_photo_is_named(tmp_path: Path) -> None:
    spec = copied(tmp_path, 8)
    path = photos(spec)[1]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match=rf"{path.name}: .*; repair it or take it out"):
        unlabelled.images(spec, "gate")


def test_each_photo_says_where_it_is_from() -> None:
    table = (MODELS / "imagenet" / "images" / "README.md").read_text()
    every = photos(SPEC)
    assert len(every) == 16
    assert sum(path.stat().st_size for path in every) < 1_000_000
    for path in every:
        assert f"| `{path.name}` |" in table
