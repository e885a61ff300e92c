from pathlib import Path

import pytest

from scripts.errors import UserError
from scripts.pipeline import new_model
from scripts.pipeline.calibration_size import require_enough
from scripts.pipeline.images import calibration
from scripts.pipeline.new_model import create
from scripts.pipeline.recipe import IMAGENET
from scripts.pipeline.spec import MODELS, Spec
from tests.scripts.pipeline.data.pictures import fill, nothing


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Make a model of so many images of each of so many labels."""
    monkeypatch.setattr(new_model, "available_start", lambda _architecture: (IMAGENET, ""))

    def make(labels: int, images: int) -> Spec:
        data = fill(tmp_path / "photos", {f"label {number}": images for number in range(labels)})
        return create(tmp_path / "models" / "pets", str(data), nothing).spec

    return make


def with_calibration(spec: Spec, images: int) -> Spec:
    return spec.model_copy(update={"calibration": spec.calibration.model_copy(update={"images": images})})


@pytest.mark.parametrize(("labels", "images"), [(2, 7), (3, 5), (4, 4)])
def test_the_documented_number_of_images_a_label_is_enough_for_int8(made, labels, images):
    spec = made(labels, images)
    require_enough(spec, len(calibration(spec).labels))


@pytest.mark.parametrize("wanted", [4, 256])
def test_a_small_train_part_is_what_is_named_whatever_calibration_asks_for(made, wanted):
    spec = with_calibration(made(2, 4), wanted)
    says = r"split\.csv: the train part has only 4 images, and int8 needs at least 8 .*; add images, deal them out"
    with pytest.raises(UserError, match=says) as error:
        require_enough(spec, len(calibration(spec).labels))
    assert "calibration.images" not in str(error.value)


@pytest.mark.parametrize("model", ["elpv", "imagenet"])
def test_calibration_is_named_where_it_asks_for_too_few_of_enough(model):
    spec = with_calibration(Spec.load(MODELS / model), 7)
    with pytest.raises(UserError, match=r"`calibration\.images` is 7, and int8 needs at least 8 .*; raise it$"):
        require_enough(spec, 7)
