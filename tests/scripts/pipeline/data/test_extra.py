import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.decode import EncodedImage
from scripts.errors import UserError
from scripts.pipeline.data.extra import Extra, extra, require_some
from scripts.pipeline.data.split import write_split
from scripts.pipeline.spec import Spec
from scripts.pipeline.spec_data import Folder
from tests.scripts.pipeline.data.pictures import encoded, fill, nothing, picture

PARTS = ("train", "val", "test")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three cats and three dogs, one of each in every part."""
    return fill(tmp_path / "photos", {"cat": 3, "dog": 3})


@pytest.fixture
def harvest(tmp_path: Path) -> Path:
    """A new cat and a new dog, named as images of the data are."""
    return fill(tmp_path / "harvest", {"cat": 1, "dog": 1, "unlabelled": 0}, start=100)


@pytest.fixture
def spec(data: Path, harvest: Path, tmp_path: Path) -> Spec:
    folder = tmp_path / "models" / "pets_2"
    write_split({f"{label}/{n}.png": PARTS[n] for label in ("cat", "dog") for n in range(3)}, folder / "split.csv")
    found = Folder(source="folder", folder=str(data), split="split.csv", also=(str(harvest),))
    return Spec.load(Path("models/elpv")).model_copy(
        update={"folder": folder, "labels": ("cat", "dog"), "data": found, "name": "pets_2"}
    )


def names(found: Extra, harvest: Path) -> set[str]:
    return {Path(sample.name).relative_to(harvest).as_posix() for sample in found.samples}


def reasons(found: Extra, harvest: Path) -> dict[str, str]:
    return {Path(one.file).relative_to(harvest).as_posix(): one.sentence for one in found.left_out}


def image(data: Path, name: str) -> Image.Image:
    return Image.open(data / name)


def test_labelled_images_are_found_with_their_labels_and_those_that_wait_are_counted(spec, harvest):
    fill(harvest, {"unlabelled/monday": 2}, start=200)
    (harvest / "about.csv").write_text("file\n")
    found = extra(spec, nothing)
    assert {Path(sample.name).parent.name: sample.label for sample in found.samples} == {"cat": 0, "dog": 1}
    assert reasons(found, harvest) == dict.fromkeys(
        ["unlabelled/monday/200.png", "unlabelled/monday/201.png"], "still unlabelled"
    )


def test_an_image_of_any_part_is_left_out_under_whatever_name(spec, data, harvest):
    for number in range(3):
        shutil.copy(data / "cat" / f"{number}.png", harvest / "cat" / f"new {number}.png")
    found = extra(spec, nothing)
    assert names(found, harvest) == {"cat/100.png", "dog/100.png"}
    assert reasons(found, harvest) == {
        f"cat/new {number}.png": f"duplicate: of cat/{number}.png ({part})" for number, part in enumerate(PARTS)
    }


@pytest.mark.parametrize("ending", ["bmp", "webp", "tiff"])
def test_a_test_image_that_was_saved_again_is_left_out(spec, data, harvest, ending):
    image(data, "cat/2.png").save(harvest / "cat" / f"again.{ending}", lossless=True)
    assert reasons(extra(spec, nothing), harvest) == {f"cat/again.{ending}": "duplicate: of cat/2.png (test)"}


def test_a_test_image_that_lost_its_exif_is_left_out_though_it_lies_on_its_side_now(spec, data, harvest):
    turned = Image.Exif()
    turned[0x0112] = 6
    with_exif = io.BytesIO()
    picture(50).save(with_exif, "JPEG", exif=turned)
    (data / "cat" / "2.png").write_bytes(with_exif.getvalue())
    start = with_exif.getvalue().index(b"\xff\xe1")
    length = int.from_bytes(with_exif.getvalue()[start + 2 : start + 4], "big")
    bare = with_exif.getvalue()[:start] + with_exif.getvalue()[start + 2 + length :]
    assert EncodedImage.open(bare, 1).decode().shape == (20, 24, 3)
    (harvest / "cat" / "bare.jpg").write_bytes(bare)
    assert reasons(extra(spec, nothing), harvest) == {"cat/bare.jpg": "duplicate: of cat/2.png (test)"}


@pytest.mark.parametrize("turn", Image.Transpose)
def test_a_test_image_that_was_turned_or_mirrored_is_left_out(spec, data, harvest, turn):
    image(data, "dog/2.png").transpose(turn).save(harvest / "dog" / "turned.png")
    assert reasons(extra(spec, nothing), harvest) == {"dog/turned.png": "duplicate: of dog/2.png (test)"}


def test_a_test_image_under_another_label_is_left_out_as_a_contradiction(spec, data, harvest):
    image(data, "dog/2.png").save(harvest / "cat" / "mine.bmp")
    assert reasons(extra(spec, nothing), harvest) == {
        "cat/mine.bmp": "contradiction: the same image as dog/2.png (test), which is labelled differently"
    }


def test_the_same_new_picture_under_two_labels_is_left_out_under_both(spec, harvest):
    picture(300).save(harvest / "cat" / "a.png")
    picture(300).save(harvest / "dog" / "b.bmp")
    assert set(reasons(extra(spec, nothing), harvest)) == {"cat/a.png", "dog/b.bmp"}


def test_an_image_of_the_same_size_and_other_pixels_is_new(spec, data, harvest):
    pixels = np.array(image(data, "cat/2.png"))
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(harvest / "cat" / "near.png")
    assert "cat/near.png" in names(extra(spec, nothing), harvest)


def test_what_cant_be_decoded_is_left_out_and_damaged_data_stops_nothing(spec, data, harvest):
    (harvest / "dog" / "words.png").write_text("words")
    (data / "cat" / "0.png").write_text("words")
    (data / "cat" / "1.png").write_bytes(encoded(1)[:-30])
    found = extra(spec, nothing)
    assert reasons(found, harvest) == {"dog/words.png": "not an image"}
    assert len(found.samples) == 2


def test_an_image_that_lies_in_two_folders_is_learned_from_once(spec, harvest, tmp_path):
    other = Path(shutil.copytree(harvest, tmp_path / "other"))
    fill(other, {"dog": 1}, start=400)
    both = spec.data.model_copy(update={"also": (str(harvest), str(other), str(harvest))})
    found = extra(spec.model_copy(update={"data": both}), nothing)
    assert {name: len(samples) for name, samples in found.by_folder.items()} == {str(harvest): 2, str(other): 1}


def test_a_folder_that_is_no_label_is_refused_with_the_nearest_one(spec, harvest):
    (harvest / "dgo").mkdir()
    shutil.copy(harvest / "dog" / "100.png", harvest / "dgo")
    with pytest.raises(UserError, match=r"harvest/dgo: no label of pets_2: did you mean 'dog'\? Rename it, or mo"):
        extra(spec, nothing)


def test_no_labelled_image_is_refused_with_the_number_of_those_that_wait_and_what_to_do(spec, harvest):
    for label in ("cat", "dog"):
        (harvest / label / "100.png").rename(harvest / "unlabelled" / f"{label}.png")
    with pytest.raises(
        UserError,
        match=r"harvest: no labelled image; 2 are still in .*/unlabelled; move images .*\(labels: 'cat', 'dog'\)",
    ):
        extra(spec, nothing)


def test_a_folder_with_nothing_new_is_refused_with_the_reasons(spec, data, harvest):
    for label in ("cat", "dog"):
        shutil.copy(data / label / "0.png", harvest / label / "100.png")
    with pytest.raises(UserError, match=r"harvest: nothing new to learn from \(left out, in .*left_out\.csv: 2 dupli"):
        require_some(extra(spec, nothing), spec)


def test_the_record_is_of_images_and_labels_whatever_the_files_are_called(spec, harvest):
    before = extra(spec, nothing).record(spec.labels)
    assert (before[0]["folder"], before[0]["images"]) == (str(harvest), {"cat": 1, "dog": 1})
    (harvest / "cat" / "100.png").rename(harvest / "cat" / "other.png")
    assert extra(spec, nothing).record(spec.labels) == before
    (harvest / "cat" / "other.png").rename(harvest / "dog" / "other.png")
    fill(harvest, {"cat": 1}, start=500)
    assert extra(spec, nothing).record(spec.labels)[0]["sha256"] != before[0]["sha256"]


def test_a_spec_that_names_no_folder_learns_from_nothing_else(spec):
    assert extra(spec.model_copy(update={"data": spec.data.model_copy(update={"also": ()})}), nothing) == Extra()
