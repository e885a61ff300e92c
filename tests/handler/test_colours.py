"""The colours of every mode, against values that are computed here from what was written into the file."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from benchmarks.hostile_images import chunk, file, png, tiff
from handler.decode import EncodedImage

SIDE = 16
WHITE = np.full(3, 255)


def decode(encoded: bytes) -> np.ndarray:
    return EncodedImage.open(encoded, 25).decode().astype(int)


def one_colour(encoded: bytes) -> np.ndarray:
    """Return the one colour that an image has, int [3]."""
    pixels = decode(encoded)
    assert (pixels == pixels[0, 0]).all()
    return pixels[0, 0]


def on_white(colour: tuple[int, ...], alpha: int) -> np.ndarray:
    return np.round(np.array(colour) * alpha / 255 + 255 * (1 - alpha / 255))


def printed(inks: tuple[int, int, int, int]) -> np.ndarray:
    """Return the RGB of cyan, magenta, yellow and black, 0 to 255 of ink each: what each lets through, multiplied."""
    *colours, black = inks
    return np.array([(255 - ink) * (255 - black) / 255 for ink in colours])


INKS = [(0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255), (200, 30, 90, 60)]


def four_channel_jpeg(stored: tuple[int, ...], transform: int) -> bytes:
    """Return a JPEG of four channels with these samples, its Adobe marker naming 0, CMYK, or 2, YCCK."""
    # Pillow stores the inverse of what it is given, as Adobe does.
    encoded = file(Image.new("CMYK", (SIDE, SIDE), tuple(255 - sample for sample in stored)), "JPEG", quality=100)
    at = encoded.index(b"Adobe") + 11
    return encoded[:at] + bytes([transform]) + encoded[at + 1 :]


@pytest.mark.parametrize("inks", INKS)
def test_a_cmyk_jpeg_stores_the_absence_of_ink_as_adobe_does(inks: tuple[int, int, int, int]) -> None:
    encoded = four_channel_jpeg(tuple(255 - ink for ink in inks), transform=0)
    in_file = simplejpeg.decode_jpeg(encoded, colorspace="CMYK")[0, 0]
    assert np.abs(in_file.astype(int) - (255 - np.array(inks))).max() <= 2
    assert np.abs(one_colour(encoded) - printed(inks)).max() <= 3


@pytest.mark.parametrize("inks", INKS)
def test_a_ycck_jpeg_is_turned_into_inks_first(inks: tuple[int, int, int, int]) -> None:
    red, green, blue = inks[:3]
    # JFIF's YCbCr, of the inks: Adobe stores the inverse of the inks' inverse.
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = (
        128 - 0.168736 * red - 0.331264 * green + 0.5 * blue,
        128 + 0.5 * red - 0.418688 * green - 0.081312 * blue,
    )
    stored = tuple(round(min(max(sample, 0), 255)) for sample in (luma, *chroma, 255 - inks[3]))
    assert np.abs(one_colour(four_channel_jpeg(stored, transform=2)) - printed(inks)).max() <= 4


@pytest.mark.parametrize("inks", INKS)
def test_a_cmyk_tiff_stores_ink(inks: tuple[int, int, int, int]) -> None:
    assert np.abs(one_colour(file(Image.new("CMYK", (SIDE, SIDE), inks), "TIFF")) - printed(inks)).max() <= 1


def rows(pixel: bytes) -> bytes:
    return zlib.compress((b"\0" + pixel * SIDE) * SIDE)


@pytest.mark.parametrize("sample", [0, 255, 256, 32896, 65280, 65535])
@pytest.mark.parametrize("colour_type", [0, 2, 4, 6])
def test_16_bits_of_a_png_are_scaled(sample: int, colour_type: int) -> None:
    values = {0: (sample,), 2: (sample, 0, 65535), 4: (sample, 65535), 6: (sample, 0, 65535, 65535)}[colour_type]
    pixel = b"".join(struct.pack(">H", value) for value in values)
    found = one_colour(png(SIDE, SIDE, chunk(b"IDAT", rows(pixel)), depth=16, colour=colour_type))
    colours = (sample, 0, 65535) if colour_type in (2, 6) else (sample,) * 3
    assert np.abs(found - np.array(colours) / 257).max() <= 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("sample", [0, 256, 32896, 65535])
def test_16_bits_of_a_tiff_are_scaled_in_either_byte_order(order: str, sample: int) -> None:
    grey = Image.frombytes(
        "I;16" if order == "<" else "I;16B", (SIDE, SIDE), struct.pack(f"{order}H", sample) * SIDE**2
    )
    assert np.abs(one_colour(file(grey, "TIFF")) - sample / 257).max() <= 1


def plain_tiff(data: bytes, **changes: tuple[int, ...]) -> bytes:
    tags = {256: (SIDE,), 257: (SIDE,), 258: (8,), 259: (1,), 262: (1,), 273: (8,), 277: (1,), 278: (SIDE,)}
    return tiff({**tags, 279: (len(data),), **{int(tag[1:]): value for tag, value in changes.items()}}, data)


def test_16_bits_of_rgb_in_a_tiff_are_scaled() -> None:
    data = struct.pack("<HHH", 65535, 32896, 256) * SIDE**2
    found = one_colour(plain_tiff(data, _258=(16, 16, 16), _262=(2,), _277=(3,)))
    assert np.abs(found - (255, 128, 1)).max() <= 1


@pytest.mark.parametrize(("bits", "white"), [(8, b"\0"), (16, b"\0\0")])
def test_a_tiff_may_say_that_zero_is_white(bits: int, white: bytes) -> None:
    assert (one_colour(plain_tiff(white * SIDE**2, _258=(bits,), _262=(0,))) == WHITE).all()


def test_colours_that_were_multiplied_by_their_alpha_are_not_multiplied_again() -> None:
    data = bytes((100, 50, 0, 128)) * SIDE**2
    found = one_colour(plain_tiff(data, _258=(8, 8, 8, 8), _262=(2,), _277=(4,), _338=(1,)))
    assert np.abs(found - (np.array((100, 50, 0)) + 127)).max() <= 1


@pytest.mark.parametrize("alpha", [0, 1, 128, 255])
def test_each_kind_of_transparency_lies_on_white(alpha: int) -> None:
    colour = (200, 40, 90)
    palette = (chunk(b"PLTE", bytes((*colour, 0, 0, 0))), chunk(b"tRNS", bytes((alpha,))))
    files = {
        "RGBA": (file(Image.new("RGBA", (SIDE, SIDE), (*colour, alpha)), "PNG"), colour),
        "LA": (file(Image.new("LA", (SIDE, SIDE), (colour[0], alpha)), "PNG"), (colour[0],) * 3),
        "palette": (png(SIDE, SIDE, *palette, chunk(b"IDAT", rows(b"\0")), colour=3), colour),
        "WebP": (file(Image.new("RGBA", (SIDE, SIDE), (*colour, alpha)), "WEBP", lossless=True, exact=True), colour),
        "TIFF": (file(Image.new("RGBA", (SIDE, SIDE), (*colour, alpha)), "TIFF"), colour),
    }
    for name, (encoded, written) in files.items():
        assert np.abs(one_colour(encoded) - on_white(written, alpha)).max() <= 1, name


@pytest.mark.parametrize(
    ("colour_type", "depth", "pixel", "transparent"),
    [
        (0, 8, b"\x50", b"\0\x50"),
        (2, 8, b"\x50\x60\x70", b"\0\x50\0\x60\0\x70"),
        (0, 16, b"\x50\x60", b"\x50\x60"),
        (2, 16, b"\x50\x60\x70\x80\x90\xa0", b"\x50\x60\x70\x80\x90\xa0"),
    ],
)
def test_a_pngs_one_transparent_colour_is_white(colour_type: int, depth: int, pixel: bytes, transparent: bytes) -> None:
    def image(colour: bytes) -> bytes:
        return png(SIDE, SIDE, chunk(b"tRNS", colour), chunk(b"IDAT", rows(pixel)), depth=depth, colour=colour_type)

    assert (one_colour(image(transparent)) == WHITE).all()
    other = bytes(len(transparent) - 1) + b"\1"
    assert (one_colour(image(other)) == [sample for sample in pixel[:: depth // 8]] * (1 if colour_type else 3)).all()


def test_a_gifs_transparent_colour_is_white() -> None:
    image = Image.new("P", (SIDE, SIDE), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    assert (one_colour(file(image, "GIF")) == (10, 20, 30)).all()
    assert (one_colour(file(image, "GIF", transparency=1)) == WHITE).all()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit_is_black_or_white(kind: str) -> None:
    board = (np.indices((SIDE, SIDE)).sum(axis=0) % 2 * 255).astype(np.uint8)
    found = decode(file(Image.fromarray(board).convert("1", dither=Image.Dither.NONE), kind))
    assert (found == board[:, :, None]).all()


def test_16_bits_of_a_bmp_are_five_six_and_five() -> None:
    header = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, 16, 3, 0, 0, 0, 0, 0) + struct.pack(
        "<III", 0xF800, 0x7E0, 31
    )
    data = struct.pack("<H", (31 << 11) | (32 << 5)) * SIDE**2
    start = b"BM" + struct.pack("<IHHI", 14 + len(header) + len(data), 0, 0, 14 + len(header))
    assert np.abs(one_colour(start + header + data) - (255, 32 / 63 * 255, 0)).max() <= 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "L", "RGB", "I;16"])
def test_a_large_image_is_what_its_parts_are(mode: str) -> None:
    """Large ones are converted by pieces, and these fit together."""
    generator = np.random.default_rng(3)
    if mode == "I;16":
        image = Image.fromarray(generator.integers(0, 1 << 16, (1025, 1050), np.uint16))
    else:
        image = Image.fromarray(generator.integers(0, 256, (1025, 1050, 4), np.uint8)).convert("RGB").convert(mode)
    options: dict[str, Any] = {"transparency": 7} if mode == "P" else {}
    whole = decode(file(image, "PNG", compress_level=1, **options))
    for box in ((0, 0, 1050, 3), (1000, 990, 1050, 1025), (5, 990, 600, 1010)):
        part = decode(file(image.crop(box), "PNG", **options))
        np.testing.assert_array_equal(whole[box[1] : box[3], box[0] : box[2]], part)


def stored_so_that(orientation: int, upright: Image.Image) -> Image.Image:
    """Return the picture as a camera held so would store it: the inverse of what a viewer does."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    return upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "MPO", "CMYK JPEG", "JPEG of many scans"])
def test_every_format_that_has_an_orientation_is_made_upright(kind: str, orientation: int) -> None:
    quarters = [(255, 0, 0), (0, 160, 0), (0, 0, 255), (240, 240, 0), (20, 20, 20), (250, 250, 250)]
    upright = Image.fromarray(np.array(quarters, np.uint8).reshape(2, 3, 3)).resize((96, 64), Image.Resampling.NEAREST)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored, options = stored_so_that(orientation, upright), {"exif": exif, "quality": 95}
    if kind == "CMYK JPEG":
        stored, format_ = stored.convert("CMYK"), "JPEG"
    elif kind == "JPEG of many scans":
        format_, options = "JPEG", {**options, "progressive": True}
    else:
        format_ = kind
    encoded = file(stored, format_, **options)
    if kind == "JPEG of many scans":
        encoded = many_scans(encoded)
    found = decode(encoded)
    assert found.shape == (64, 96, 3)
    centres = found[16::32, 16::32].reshape(-1, 3)
    assert np.abs(centres - quarters).max() <= 12


def many_scans(progressive: bytes) -> bytes:
    last = progressive[progressive.rindex(b"\xff\xda") : -2]
    return progressive[:-2] + last * 20 + progressive[-2:]


def test_the_test_above_sees_two_ways_to_turn() -> None:
    stream = io.BytesIO()
    stored_so_that(6, Image.new("RGB", (96, 64))).save(stream, "PNG")
    assert Image.open(stream).size == (64, 96)
