"""Images made to harm whoever decodes them, each with what the handler has to say to it.

Every one is made here from a few lines; none is anybody's file.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

ANSWERED = "answered"


@dataclass(frozen=True)
class Hostile:
    """An image and its answer.

    Attributes:
        name: what is wrong with it.
        code: the error's that its sender gets, or `ANSWERED`.
        make: its bytes.
    """

    name: str
    code: str
    make: Callable[[], bytes]


def all_of() -> Iterator[Hostile]:
    """Give every hostile image, those of each kind together."""
    for code, makers in _KINDS.items():
        for make in makers:
            yield Hostile((make.__doc__ or make.__name__).strip().rstrip("."), code, cache(make))


def picture(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Return coarse noise, which compresses like a photo."""
    noise = np.random.default_rng(7).integers(0, 256, (max(height // 8, 1), max(width // 8, 1), 3), np.uint8)
    return Image.fromarray(noise).resize((width, height)).convert(mode)


def file(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image's file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """Return a PNG of a header that says so and of `chunks`."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def tiff(entries: dict[int, tuple[int, ...]], data: bytes = b"", *, count: int | None = None) -> bytes:
    """Return a little-endian TIFF of LONG entries, its data behind an 8-byte header; `count` replaces the true one."""
    content = bytearray(b"II*\0" + struct.pack("<I", 8 + len(data)) + data)
    table, extra = b"", b""
    behind = len(content) + 2 + 12 * len(entries) + 4
    for tag, numbers in sorted(entries.items()):
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            packed, extra = struct.pack("<I", behind + len(extra)), extra + packed
        table += struct.pack("<HHI", tag, 4, len(numbers)) + packed
    return bytes(content + struct.pack("<H", count or len(entries)) + table + b"\0\0\0\0" + extra)


def _gray_tiff(data: bytes, **changes: object) -> bytes:
    entries: dict[int, tuple[int, ...]] = {
        256: (8,), 257: (8,), 258: (8,), 259: (1,), 262: (1,), 273: (8,), 277: (1,), 278: (8,), 279: (len(data),),
    }  # fmt: skip
    entries |= {int(tag.removeprefix("_")): value for tag, value in changes.items()}  # type: ignore[misc]
    return tiff({tag: numbers for tag, numbers in entries.items() if numbers}, data)


def with_scans(width: int, height: int, scans: int) -> bytes:
    """Return a progressive JPEG whose last scan, a few bytes that go over all of its pixels, comes so often."""
    encoded = file(Image.new("RGB", (width, height), "gray"), "JPEG", progressive=True)
    last = encoded[encoded.rindex(b"\xff\xda") : -2]
    return encoded[:-2] + last * scans + b"\xff\xd9"


def _jpeg_sides(encoded: bytes, width: int, height: int) -> bytes:
    at = next(encoded.index(bytes((0xFF, kind))) for kind in (0xC0, 0xC2) if bytes((0xFF, kind, 0, 17)) in encoded)
    return encoded[: at + 5] + struct.pack(">HH", height, width) + encoded[at + 9 :]


def _cut(kind: str, share: float) -> Callable[[], bytes]:
    def cut() -> bytes:
        encoded = file(picture(), kind)
        return encoded[: int(len(encoded) * share)]

    cut.__doc__ = f"{kind} cut off at {share:.0%}"
    return cut


def _bmp(width: int, height: int, compression: int = 0, data: bytes = b"", bits: int = 24) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    palette = b"\0\0\0\0\xff\xff\xff\0" * 128 if bits <= 8 else b""  # noqa: PLR2004
    offset = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + header + palette + data


def _gif(screen: tuple[int, int], frame: tuple[int, int, int, int], extensions: bytes = b"") -> bytes:
    plain = file(Image.new("P", frame[2:]), "GIF")
    image = plain[plain.index(b"\x2c") + 10 :]
    return (
        b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + extensions
        + b"\x2c" + struct.pack("<HHHHB", *frame, 0) + image
    )  # fmt: skip


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    content = b"".join(k + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for k, c in chunks)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


# Truncated


def png_header_alone() -> bytes:
    """PNG that ends behind its header."""
    return file(picture(), "PNG")[:33]


def jpeg_of_promised_rows() -> bytes:
    """JPEG whose header promises 40 times the rows."""
    return _jpeg_sides(file(picture(), "JPEG"), 64, 1920)


def png_of_promised_rows() -> bytes:
    """PNG whose header promises 40 times the rows."""
    return png(64, 1920, chunk(b"IDAT", zlib.compress(b"\0" * (193 * 48))))


def interlaced_png_without_its_last_pass() -> bytes:
    """Interlaced PNG without the rows of its last pass."""
    rows = b"".join(bytes([0] + [200] * (3 * columns)) * count for columns, count in _INTERLACED_64_48[:-1])
    header = struct.pack(">IIBBBBB", 64, 48, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def gif_of_promised_rows() -> bytes:
    """GIF whose frame promises 40 times the rows."""
    small = _gif((64, 1920), (0, 0, 64, 48))
    at = small.index(b"\x2c")
    return small[: at + 7] + struct.pack("<H", 1920) + small[at + 9 :]


def tiff_behind_its_end() -> bytes:
    """TIFF whose strip lies behind its end."""
    return _gray_tiff(b"\0" * 64, _273=(1 << 20,))


def tiff_of_a_huge_strip() -> bytes:
    """TIFF whose strip has 4 GB, it says."""
    return _gray_tiff(b"\0" * 64, _279=(0xFFFFFFFF,))


def tiff_of_many_tags() -> bytes:
    """TIFF of 65,535 tags, it says."""
    return tiff({256: (8,), 257: (8,)}, count=65535)


def tiff_of_a_far_directory() -> bytes:
    """BigTIFF whose directory lies 8 EiB further on."""
    return b"II+\0" + struct.pack("<HHQ", 8, 0, 1 << 63) + bytes(64)


def tiff_of_one_tag_again_and_again() -> bytes:
    """TIFF that names the same 131,072 strips 60,000 times."""
    return b"II*\0" + struct.pack("<IH", 8, 60_000) + struct.pack("<HHII", 273, 4, 131_072, 8) * 60_000 + bytes(4)


# No pixels


def png_without_columns() -> bytes:
    """PNG of 0x48 pixels."""
    return png(0, 48, chunk(b"IDAT", zlib.compress(b"")))


def jpeg_without_rows() -> bytes:
    """JPEG of 64x0 pixels."""
    return _jpeg_sides(file(picture(), "JPEG"), 64, 0)


def bmp_without_columns() -> bytes:
    """BMP of 0x8 pixels."""
    return _bmp(0, 8, data=b"\0" * 100)


def tiff_without_rows() -> bytes:
    """TIFF of 8x0 pixels."""
    return _gray_tiff(b"\0" * 64, _257=(0,))


# Too large


def png_of_36_megapixels() -> bytes:
    """PNG of 36 megapixels, header alone."""
    return png(6000, 6000)


def png_of_the_most_pixels() -> bytes:
    """PNG of 2^31-1 by 2^31-1 pixels."""
    return png((1 << 31) - 1, (1 << 31) - 1, chunk(b"IDAT", zlib.compress(b"\0" * 100)))


def png_of_400_megapixels() -> bytes:
    """PNG of 20,000x20,000 pixels that is all there, in 50 KB."""
    return png(20_000, 20_000, chunk(b"IDAT", zlib.compress(b"\0" * (2501 * 20_000), 1)), depth=1, colour=0)


def gif_of_the_most_pixels() -> bytes:
    """GIF with a screen of 65535x65535 pixels."""
    return _gif((65535, 65535), (0, 0, 8, 8))


def gif_of_a_large_frame() -> bytes:
    """GIF whose frame is far larger than its screen."""
    small = _gif((8, 8), (0, 0, 8, 8))
    at = small.index(b"\x2c")
    return small[: at + 5] + struct.pack("<HH", 60_000, 60_000) + small[at + 9 :]


def bmp_of_the_most_rows() -> bytes:
    """BMP of -2^31 rows."""
    return _bmp(8, -(1 << 31), data=b"\0" * 100)


def webp_of_a_large_canvas() -> bytes:
    """WebP with a canvas of 16,384x16,384 pixels."""
    inner = file(picture(), "WEBP")[12:]
    canvas = struct.pack("<B3x", 0) + (16383).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 4 + 18 + len(inner)) + b"WEBPVP8X" + struct.pack("<I", 10) + canvas + inner


def jpeg_of_the_most_pixels() -> bytes:
    """JPEG of 65500x65500 pixels, it says."""
    return _jpeg_sides(file(picture(), "JPEG"), 65500, 65500)


def tiff_of_the_most_pixels() -> bytes:
    """TIFF of 4 billion by 8 pixels, in one strip of a row."""
    return _gray_tiff(b"\0" * 64, _256=(1 << 22,), _257=(8,), _278=(1,), _273=(8,) * 8, _279=(8,) * 8)


# Bombs


def png_text_bomb() -> bytes:
    """PNG whose text unpacks to 64 MB."""
    return _with_chunk(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * (64 << 20))))


def png_late_text_bomb() -> bytes:
    """PNG with a text behind its pixels that unpacks to 64 MB."""
    whole = file(picture(), "PNG")
    return whole[:-12] + chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(b"\0" * (64 << 20))) + whole[-12:]


def png_of_many_texts() -> bytes:
    """PNG of 100 texts that unpack to 1 MB each."""
    return _with_chunk(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"\0" * ((1 << 20) - 10))) * 100)


def png_profile_bomb() -> bytes:
    """PNG whose colour profile unpacks to 64 MB."""
    return _with_chunk(chunk(b"iCCP", b"a\0\0" + zlib.compress(b"\0" * (64 << 20))))


def tiff_tile_bomb() -> bytes:
    """TIFF of 8x8 pixels in a tile of 32,768x32,768."""
    packed = zlib.compress(b"\0" * (1 << 20))
    tile = {322: (32768,), 323: (32768,), 324: (8,), 325: (len(packed),)}
    return tiff({256: (8,), 257: (8,), 258: (8,), 259: (8,), 262: (1,), 277: (1,), **tile}, packed)


# Contradictions


def tiff_of_too_few_strips() -> bytes:
    """TIFF of 8 rows, one in each strip, with one strip."""
    return _gray_tiff(b"\0" * 64, _278=(1,))


def tiff_of_a_million_strips() -> bytes:
    """TIFF of 8 rows with a million strips."""
    return _gray_tiff(b"\0" * 64, _273=(8,) * 1_000_000)


def tiff_of_empty_tiles() -> bytes:
    """TIFF whose tiles have no width."""
    return _gray_tiff(b"\0" * 64, _273=(), _279=(), _322=(0,), _323=(8,), _324=(8,), _325=(64,))


# Damaged


def jpeg_of_noise() -> bytes:
    """JPEG whose coded pixels are noise."""
    encoded = file(picture(), "JPEG")
    at = encoded.index(b"\xff\xda") + 20
    noise = np.random.default_rng(1).integers(0, 255, 3 * (len(encoded) - at), np.uint8).tobytes()
    return encoded[:at] + noise + encoded[-2:]


def png_of_noise() -> bytes:
    """PNG whose packed pixels are noise."""
    return png(64, 48, chunk(b"IDAT", np.random.default_rng(1).integers(0, 256, 900, np.uint8).tobytes()))


def png_of_an_unknown_depth() -> bytes:
    """PNG of 7 bits a sample."""
    return png(64, 48, chunk(b"IDAT", zlib.compress(b"\0" * 9264)), depth=7)


def webp_of_two_sizes() -> bytes:
    """WebP whose canvas and picture differ."""
    inner = file(picture(), "WEBP")[12:]
    canvas = struct.pack("<B3x", 0) + (9).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 4 + 18 + len(inner)) + b"WEBPVP8X" + struct.pack("<I", 10) + canvas + inner


def bmp_with_a_jpeg_in_it() -> bytes:
    """BMP that holds a JPEG."""
    return _bmp(64, 48, compression=4, data=file(picture(), "JPEG"))


def gif_without_a_frame() -> bytes:
    """GIF without a frame."""
    return b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0, 0, 0) + b";"


def tiff_that_names_itself() -> bytes:
    """TIFF whose directory is followed by itself, without sides."""
    return b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 254, 4, 1, 0) + b"\x08\0\0\0"


# Slow


def jpeg_of_many_scans() -> bytes:
    """JPEG of 24 megapixels with 12,000 scans."""
    return with_scans(4900, 4900, 12_000)


def gif_of_a_long_comment() -> bytes:
    """GIF with a comment of 5 million blocks."""
    return _gif((8, 8), (0, 0, 8, 8), b"\x21\xfe" + b"\1a\1a" * 2_500_000 + b"\0")


def jpeg_of_many_segments() -> bytes:
    """JPEG with 3 million segments before its picture."""
    return b"\xff\xd8" + b"\xff\xfe\0\2" * 3_000_000 + file(picture(), "JPEG")[2:]


def png_of_many_chunks() -> bytes:
    """PNG with a million chunks before its pixels."""
    return _with_chunk(chunk(b"abCd", b"") * 1_000_000)


def bmp_of_single_pixels() -> bytes:
    """BMP of 5 million runs of a pixel."""
    return _bmp(2500, 2000, compression=1, data=b"\1\0" * 5_000_000, bits=8)


# No images, or none of these formats


def nothing() -> bytes:
    """No bytes."""
    return b""


def postscript() -> bytes:
    """Encapsulated PostScript."""
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"


def dos_postscript() -> bytes:
    """Encapsulated PostScript with a DOS header."""
    return b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, 90) + b"\0" * 18 + postscript()


def icon() -> bytes:
    """Icon with a PNG in it."""
    return file(picture(32, 32), "ICO")


def jpeg_2000() -> bytes:
    """JPEG 2000."""
    return file(picture(), "JPEG2000")


def avif() -> bytes:
    """AVIF."""
    return file(picture(), "AVIF")


def netpbm() -> bytes:
    """PPM."""
    return file(picture(), "PPM")


def svg() -> bytes:
    """SVG with an entity bomb."""
    return b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cccc">]><svg xmlns="http://www.w3.org/2000/svg">&b;</svg>'


def archive() -> bytes:
    """ZIP."""
    return b"PK\3\4" + b"\0" * 100


def float_tiff() -> bytes:
    """TIFF of floating-point samples."""
    return file(Image.fromarray(np.zeros((8, 8), np.float32)), "TIFF")


# Strange, and answered


def one_row() -> bytes:
    """PNG of 65535x1 pixels."""
    return file(Image.new("L", (65535, 1), 7), "PNG")


def one_column() -> bytes:
    """JPEG of 1x65500 pixels."""
    return file(Image.new("RGB", (1, 65500), "red"), "JPEG")


def one_row_of_24_megapixels() -> bytes:
    """PNG of 24,000,000x1 pixels."""
    return file(Image.new("1", (24_000_000, 1)), "PNG")


def jpeg_and_zip() -> bytes:
    """JPEG with a ZIP behind it."""
    return file(picture(), "JPEG") + archive()


def gif_and_script() -> bytes:
    """GIF that is JavaScript too."""
    return _gif((0x2F2A, 8), (0, 0, 8, 8)) + b"*/=1;alert(1)"


def png_and_more() -> bytes:
    """PNG with a megabyte behind its end."""
    return file(picture(), "PNG") + b"<script>" * (1 << 17)


def png_of_too_many_pixels() -> bytes:
    """PNG with 64 MB of pixels, of which its header names 9 KB."""
    return png(64, 48, chunk(b"IDAT", zlib.compress(b"\0" * (64 << 20))))


def gif_of_frames() -> bytes:
    """GIF of 5,000 frames."""
    one = _gif((64, 64), (0, 0, 64, 64))
    at = one.index(b"\x2c")
    return one[:at] + one[at:-1] * 5000 + b";"


def webp_of_frames() -> bytes:
    """WebP of 2,000 frames."""
    frames = [Image.new("RGB", (16, 16), (n % 256, n // 256, 0)) for n in range(2000)]
    return file(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=0, method=0)


def png_of_frames() -> bytes:
    """PNG of 2,000 frames."""
    frames = [Image.new("RGB", (16, 16), (n % 256, n // 256, 0)) for n in range(2000)]
    return file(frames[0], "PNG", save_all=True, append_images=frames[1:])


def tiff_of_pages() -> bytes:
    """TIFF of 300 pages."""
    return file(picture(), "TIFF", save_all=True, append_images=[picture()] * 299)


def jpeg_of_scans() -> bytes:
    """JPEG of 64x48 pixels with 40 scans."""
    encoded = file(picture(mode="L"), "JPEG", progressive=True)
    return encoded[:-2] + encoded[encoded.rindex(b"\xff\xda") : -2] * 40 + b"\xff\xd9"


def mpo() -> bytes:
    """JPEG of three pictures."""
    return file(picture(), "MPO", save_all=True, append_images=[picture()] * 2)


def _with_chunk(content: bytes) -> bytes:
    whole = file(picture(), "PNG")
    return whole[:33] + content + whole[33:]


# Columns and rows of the passes of 64x48 pixels.
_INTERLACED_64_48 = ((8, 6), (8, 6), (16, 6), (16, 12), (32, 12), (32, 24), (64, 24))
_SHARES = (0.3, 0.6, 0.95)
_KINDS: dict[str, list[Callable[[], bytes]]] = {
    "truncated_image": [
        *(_cut(kind, share) for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF") for share in _SHARES),
        png_header_alone, jpeg_of_promised_rows, png_of_promised_rows, interlaced_png_without_its_last_pass,
        gif_of_promised_rows, tiff_behind_its_end, tiff_of_a_huge_strip,
        tiff_of_many_tags, tiff_of_a_far_directory,
    ],
    "no_pixels": [png_without_columns, jpeg_without_rows, bmp_without_columns, tiff_without_rows],
    "image_too_large": [
        png_of_36_megapixels, png_of_the_most_pixels, png_of_400_megapixels, gif_of_the_most_pixels,
        gif_of_a_large_frame, bmp_of_the_most_rows, webp_of_a_large_canvas, jpeg_of_the_most_pixels,
        tiff_of_the_most_pixels,
    ],
    "decompression_bomb": [png_text_bomb, png_late_text_bomb, png_of_many_texts, png_profile_bomb, tiff_tile_bomb],
    "inconsistent_image": [tiff_of_too_few_strips, tiff_of_a_million_strips, tiff_of_empty_tiles],
    "unreadable_image": [
        jpeg_of_noise, png_of_noise, png_of_an_unknown_depth, webp_of_two_sizes, bmp_with_a_jpeg_in_it,
        gif_without_a_frame, tiff_that_names_itself, tiff_of_one_tag_again_and_again,
    ],
    "decoding_too_slow": [
        jpeg_of_many_scans, gif_of_a_long_comment, jpeg_of_many_segments, png_of_many_chunks, bmp_of_single_pixels,
    ],
    "unsupported_format": [
        postscript, dos_postscript, icon, jpeg_2000, avif, netpbm, svg, archive, float_tiff,
    ],
    "empty_body": [nothing],
    ANSWERED: [
        one_row, one_column, one_row_of_24_megapixels, jpeg_and_zip, gif_and_script, png_and_more,
        png_of_too_many_pixels, gif_of_frames, webp_of_frames, png_of_frames, tiff_of_pages, mpo,
    ],
}  # fmt: skip
