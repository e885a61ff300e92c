import io
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.pipeline.answers import Answers
from scripts.pipeline.card.sheet import contact_sheet
from scripts.pipeline.card.wrong import Wrong, as_csv, read_csv, wrong_images
from scripts.pipeline.data.sample import Sample

LABELS = ("cat", "dog")


def sample(name: str, target: tuple[float, float]) -> Sample:
    return Sample(name, target, "indoors", lambda: b"")


def test_the_most_confident_mistakes_come_first_and_right_answers_not_at_all() -> None:
    images = [sample("b", (1, 0)), sample("a", (1, 0)), sample("right", (0, 1)), sample("c", (0.25, 0.75))]
    probabilities = np.array([[0.1, 0.9], [0.1, 0.9], [0.0, 1.0], [0.99, 0.01]])
    found = wrong_images(Answers(probabilities.argmax(axis=1), probabilities), images, LABELS)
    assert [(line.file, line.label, line.called, line.probability, line.target) for line in found] == [
        ("c", "dog", "cat", "0.990000", "0.750000"),
        ("a", "cat", "dog", "0.900000", "1.000000"),
        ("b", "cat", "dog", "0.900000", "1.000000"),
    ]


def test_any_file_name_survives_the_list(tmp_path: Path) -> None:
    lines = [Wrong('a,"b"\r\n.png', "", "cat", "dog", "0.9", "1.0"), Wrong("é/犬.png", "x", "dog", "cat", "0.8", "0.5")]
    (tmp_path / "errors.csv").write_bytes(as_csv(lines).encode())
    assert read_csv(tmp_path / "errors.csv") == lines
    (tmp_path / "errors.csv").write_text(as_csv([]))
    assert read_csv(tmp_path / "errors.csv") == []


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_a_sheet_shows_images_of_any_shape_under_names_of_any_length() -> None:
    lines = [Wrong("x" * 500, "", "cat", "dog\n🐕", "0.9", "0.5")] * 5
    shapes = [(1, 1, 3), (3, 900, 3), (900, 3, 3), (300, 300, 3), (50, 40, 3)]
    images = [np.full(shape, 128, np.uint8) for shape in shapes]
    sheet = opened(contact_sheet(lines, images))
    assert sheet.mode == "L"
    assert sheet.width > sheet.height
    assert contact_sheet(lines, images) == contact_sheet(lines, images)


def test_colours_are_kept() -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 255
    sheet = opened(contact_sheet([Wrong("red.png", "", "cat", "dog", "0.9", "1")], [red]))
    assert sheet.mode == "RGB"
    assert sheet.getpixel((100, 100)) == (255, 0, 0)
