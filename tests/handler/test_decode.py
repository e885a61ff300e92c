import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from handler.decode import EncodedImage
from handler.errors import EmptyBody, ImageTooLarge, RequestError, UnreadableImage, UnsupportedFormat

LIMIT = 25.0


def decode(encoded: bytes, max_megapixels: float) -> np.ndarray:
    return EncodedImage.open(encoded, max_megapixels).decode()


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def left_red_right_blue(width: int = 64, height: int = 32) -> Image.Image:
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 0, 255), (width // 2, 0, width, height))
    return image


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_every_supported_format_keeps_its_colours_and_its_sides(format_: str) -> None:
    pixels = decode(encoded(left_red_right_blue(), format_), LIMIT)
    assert pixels.shape == (32, 64, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[16, 8].astype(int) - (255, 0, 0)).max() < 12
    assert np.abs(pixels[16, 56].astype(int) - (0, 0, 255)).max() < 12


def test_a_jpeg_is_decoded_as_pillow_decodes_it(cell: bytes) -> None:
    jpeg = encoded(Image.open(io.BytesIO(cell)).convert("RGB"), "JPEG", quality=90)
    reference = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)
    assert np.abs(decode(jpeg, LIMIT).astype(int) - reference).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation: int) -> None:
    upright = left_red_right_blue()
    # Store the picture the way a camera held so would: the inverse of what a viewer does.
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode(encoded(stored, "JPEG", exif=exif, quality=95), LIMIT)
    assert np.abs(pixels.astype(int) - np.asarray(upright)).mean() < 6


def test_transparency_becomes_white() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert (decode(encoded(clear, "PNG"), LIMIT) == 255).all()


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    grey = Image.fromarray(np.full((8, 8), 32896, np.uint16))
    assert (decode(encoded(grey, "PNG"), LIMIT) == 128).all()


def test_grey_cmyk_palette_and_bilevel_become_rgb() -> None:
    white = {"L": 255, "CMYK": (0, 0, 0, 0), "1": 1}
    for mode, value in white.items():
        file = encoded(Image.new(mode, (8, 8), value), "TIFF")
        assert (decode(file, LIMIT) == 255).all(), mode
    palette = left_red_right_blue().convert("P", palette=Image.Palette.ADAPTIVE)
    assert tuple(decode(encoded(palette, "PNG"), LIMIT)[0, 0]) == (255, 0, 0)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_image_is_unreadable(format_: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    file = encoded(Image.fromarray(noise), format_)
    with pytest.raises(UnreadableImage):
        decode(file[: int(len(file) * share)], LIMIT)


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b"%PDF-1.7",
        b"<svg/>",
        b"\0" * 100,
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"BMW is a car",
        b"RIFF\0\0\0\0WAVEfmt ",
    ],
)
def test_anything_else_is_an_unsupported_format(body: bytes) -> None:
    with pytest.raises(UnsupportedFormat, match="JPEG, PNG"):
        decode(body, LIMIT)


def test_no_bytes_are_an_empty_body() -> None:
    with pytest.raises(EmptyBody):
        decode(b"", LIMIT)


def test_an_image_over_the_limit_is_refused_from_its_header_alone() -> None:
    header_only = encoded(Image.new("1", (6000, 6000)), "PNG")[:200]
    with pytest.raises(ImageTooLarge, match=r"36\.0 megapixels; 25 are left"):
        decode(header_only, LIMIT)
    bomb = encoded(Image.new("1", (20_000, 20_000)), "PNG")[:200]
    with pytest.raises(ImageTooLarge):
        decode(bomb, LIMIT)
    with pytest.raises(ImageTooLarge, match="64x32"):
        decode(encoded(left_red_right_blue(), "PNG"), max_megapixels=0.001)


@pytest.mark.parametrize("samples", [np.float32(0.5), np.int32(70_000)])
def test_samples_without_an_agreed_range_are_refused_and_not_guessed(samples: np.generic) -> None:
    image = Image.fromarray(np.full((8, 8), samples))
    with pytest.raises(UnsupportedFormat, match="8 or 16 bits"):
        decode(encoded(image, "TIFF"), LIMIT)


def test_an_image_whose_exif_is_garbage_is_still_an_image() -> None:
    assert decode(encoded(left_red_right_blue(), "PNG", exif=b"garbage"), LIMIT).shape == (32, 64, 3)


def test_running_out_of_memory_is_not_called_a_damaged_image(monkeypatch: pytest.MonkeyPatch) -> None:
    image = EncodedImage.open(encoded(left_red_right_blue(), "PNG"), LIMIT)

    def out_of_memory() -> None:
        raise MemoryError

    monkeypatch.setattr(image.header, "load", out_of_memory)
    with pytest.raises(MemoryError):
        image.decode()


@given(
    st.one_of(
        st.binary(max_size=400),
        st.sampled_from([b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0"]).flatmap(
            lambda magic: st.binary(max_size=400).map(lambda rest: magic + rest)
        ),
    )
)
def test_no_bytes_whatever_raise_anything_but_an_error_for_their_sender(body: bytes) -> None:
    try:
        pixels = decode(body, LIMIT)
    except RequestError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
