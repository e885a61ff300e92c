"""What is kept of an image: the pixels that the network saw, and nothing that says who, where or with what."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from benchmarks.hostile_images import tiff
from handler.bare import bare
from handler.decode import EncodedImage

ORIENTATIONS = range(1, 9)
SECRET = b"Ann's camera"


def picture(mode: str = "RGB", size: tuple[int, int] = (48, 31)) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 255, (size[1] // 4 + 1, size[0] // 4 + 1, 3), np.uint8)
    return Image.fromarray(pixels).resize(size).convert(mode)


def deep() -> Image.Image:
    grey = np.random.default_rng(1).integers(0, 1 << 16, (31, 48)).astype(np.uint16)
    return Image.fromarray(grey)


def said(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = SECRET.decode()  # The camera's maker.
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)  # Where it was.
    return exif


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pixels(content: bytes) -> NDArray[np.uint8]:
    return EncodedImage.open(content, 25).decode()


def kept(content: bytes) -> tuple[str, bytes]:
    """Return what is kept, which has the same pixels and nothing else."""
    ending, found = bare(content, 25)
    np.testing.assert_array_equal(pixels(found), pixels(content))
    assert SECRET not in found
    image = Image.open(io.BytesIO(found))
    image.load()
    assert image.format == {".jpg": "JPEG", ".png": "PNG"}[ending]
    assert set(image.getexif()) <= {0x0112}
    assert not image.getexif().get_ifd(0x8825)
    assert not {"comment", "xmp", "XML:com.adobe.xmp", "mp", "photoshop"} & image.info.keys()
    assert not getattr(image, "text", None)
    return ending, found


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_is_not_encoded_again_and_stays_as_upright_as_it_was(orientation: int, mode: str) -> None:
    plain = encoded(picture(mode), "JPEG")
    sent = encoded(picture(mode), "JPEG", exif=said(orientation), comment=SECRET, xmp=SECRET)
    ending, found = kept(sent)
    assert ending == ".jpg"
    # The coded pixels are the plain file's, byte by byte.
    assert found[found.index(b"\xff\xdb") :] == plain[plain.index(b"\xff\xdb") :]
    assert dict(Image.open(io.BytesIO(found)).getexif()) == ({} if orientation == 1 else {0x0112: orientation})


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_rows": 1}, {"subsampling": 0}, {"quality": 100}]
)
def test_every_kind_of_jpeg_can_be_taken_apart(options: dict[str, Any]) -> None:
    large = picture(size=(400, 300))
    _, found = kept(encoded(large, "JPEG", exif=said(), **options))
    assert len(found) > 1000


def test_a_cmyk_jpeg_keeps_how_its_colours_are_read() -> None:
    assert kept(encoded(picture("CMYK"), "JPEG", exif=said(3)))[0] == ".jpg"


def test_an_orientation_that_only_xmp_names_keeps_its_effect() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6" dc:creator="' + SECRET + b'"/></x:xmpmeta>'
    sent = encoded(picture(), "JPEG", xmp=xmp)
    assert pixels(sent).shape == (48, 31, 3)
    kept(sent)


def test_a_colour_profile_stays_and_thumbnails_and_what_follows_the_picture_go() -> None:
    plain = encoded(picture(), "JPEG", icc_profile=b"a profile " * 20)
    thumbnail = b"\xff\xe0" + (2 + 6 + len(SECRET)).to_bytes(2) + b"JFXX\0\x10" + SECRET
    jfif = plain[:18] + bytes((2, 2)) + SECRET
    jfif = jfif[:4] + (16 + len(SECRET)).to_bytes(2) + jfif[6:]
    film = encoded(picture(size=(9, 9)), "JPEG") + SECRET
    _, found = kept(jfif + thumbnail + plain[20:] + film)
    assert found == plain


def test_a_phones_second_picture_goes() -> None:
    sent = encoded(picture(), "MPO", save_all=True, append_images=[picture(size=(20, 20))], exif=said(8))
    _, found = kept(sent)
    assert len(found) < len(sent) - 400


def with_text() -> PngInfo:
    text = PngInfo()
    text.add_text("Author", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    text.add_text("Zipped", SECRET.decode() * 20, zip=True)
    return text


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA"])
def test_a_png_is_not_encoded_again(mode: str) -> None:
    ending, found = kept(encoded(picture(mode), "PNG", pnginfo=with_text(), exif=said()))
    assert ending == ".png"
    assert found == encoded(picture(mode), "PNG")


def test_a_png_of_16_bits_keeps_them() -> None:
    _, found = kept(encoded(deep(), "PNG", pnginfo=with_text()))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(found))), np.asarray(deep()))


def test_16_bits_of_which_zero_is_white_are_kept_as_they_are_shown() -> None:
    tags = {256: (8,), 257: (8,), 258: (16,), 259: (1,), 262: (0,), 273: (8,), 277: (1,), 278: (8,), 279: (128,)}
    sent = tiff(tags, bytes(range(128)))
    assert pixels(sent)[0, 0, 0] == 255 - 1
    kept(sent)


def test_a_palettes_transparent_colour_stays_so() -> None:
    for kind in ("PNG", "GIF"):
        kept(encoded(picture("P"), kind, transparency=3))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_other_formats_become_upright_pngs(kind: str, orientation: int) -> None:
    ending, found = kept(encoded(picture(), kind, exif=said(orientation)))
    assert ending == ".png"
    assert not Image.open(io.BytesIO(found)).info


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: encoded(picture(), "BMP"), id="BMP"),
        pytest.param(lambda: encoded(picture("P"), "BMP"), id="BMP with a palette"),
        pytest.param(lambda: encoded(picture(), "GIF", comment=SECRET), id="GIF"),
        pytest.param(lambda: encoded(picture(), "GIF", save_all=True, append_images=[picture("L")]), id="animation"),
        pytest.param(lambda: encoded(picture("RGBA"), "WEBP", lossless=True, xmp=SECRET), id="WebP with transparency"),
        pytest.param(lambda: encoded(picture(), "WEBP", quality=50, icc_profile=SECRET * 9), id="lossy WebP"),
        pytest.param(lambda: encoded(picture("CMYK"), "TIFF"), id="CMYK TIFF"),
        pytest.param(lambda: encoded(picture("1"), "TIFF", compression="group4"), id="black and white TIFF"),
        pytest.param(lambda: encoded(deep(), "TIFF", exif=said(6)), id="16-bit TIFF"),
        pytest.param(lambda: encoded(deep(), "PNG", exif=said(6)), id="16-bit PNG on its side"),
        pytest.param(lambda: encoded(picture(), "PNG", save_all=True, append_images=[picture("L")]), id="animated PNG"),
    ],
)
def test_the_pixels_are_those_that_the_handler_decodes(make: Callable[[], bytes]) -> None:
    _, found = kept(make())
    assert not Image.open(io.BytesIO(found)).info


def test_a_cell_is_kept_as_it_is(cell: bytes) -> None:
    assert kept(cell)[0] == ".png"


@pytest.mark.parametrize("length", [2, 20, 300, -2])
def test_a_jpeg_that_ends_early_is_an_error_and_no_endless_search(length: int) -> None:
    with pytest.raises(Exception, match=r"JPEG|image|format"):
        bare(encoded(picture(), "JPEG")[:length], 25)
