"""Whatever holds an image gives its bytes; what holds none is said, and nothing is sent."""

import io
from pathlib import Path

import pytest
from PIL import Image

from mobilenet_v3_client import Client, UnreadableSource, sources
from scripts.pipeline.data import photos
from tests.client.stub import Stub


def test_a_path_bytes_and_an_open_file_are_sent_as_they_are(stub: Stub, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "cell.png"
    path.write_bytes(b"image")
    with path.open("rb") as file:
        for source in (
            path,
            str(path),
            b"image",
            bytearray(b"image"),
            memoryview(b"image"),
            io.BytesIO(b"image"),
            file,
        ):
            client.predict(source)
    assert [request.body for request in stub.asked] == [b"image"] * 7
    assert {request.headers["content-type"] for request in stub.asked} == {"application/octet-stream"}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK", "1"])
def test_an_image_of_pillow_is_sent_without_a_loss_and_with_the_way_it_is_to_be_turned(
    stub: Stub, client: Client, mode: str
) -> None:
    image = Image.effect_noise((8, 4), 60).convert(mode)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    client.predict(image)
    sent = Image.open(io.BytesIO(stub.asked[0].body))
    assert (sent.format, sent.getexif()[0x0112]) == ("PNG", 6)
    assert sent.convert("RGB").tobytes() == image.convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("no-such-file.png", r"^unreadable_source: no-such-file\.png: No such file or directory$"),
        (Path(__file__).parent, "Is a directory"),
        (io.StringIO("text"), "open it with 'rb'"),
        (7, "int: give a path, bytes"),
        (None, "NoneType: give a path, bytes"),
        ("a\0b", "null byte"),
    ],
)
def test_what_holds_no_image_is_said_and_nothing_is_sent(stub: Stub, client: Client, source: object, said: str) -> None:
    with pytest.raises(UnreadableSource, match=said):
        client.predict(source)
    assert not stub.asked


def test_an_image_to_the_client_is_a_file_that_is_one_to_the_model_as_well() -> None:
    assert sorted(sources.SUFFIXES) == sorted(photos.SUFFIXES)
