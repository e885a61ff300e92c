"""One encoded image → its pixels."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from handler import faults, jpeg, png, tiff
from handler.allowance import Allowance, MeteredFile
from handler.colours import rgb
from handler.errors import EmptyBody, ImageTooLarge, RequestError, TruncatedImage, UnsupportedFormat

EXIF_ORIENTATION, UPRIGHT = 0x0112, 1
FORMATS = faults.FORMATS
# Several times what a camera writes. Pillow makes an object of Python of each of an entry's numbers.
_MOST_EXIF_BYTES = 1 << 20
_PNG_DEPTH = 24
_Turn = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
# What makes an image upright again, by the value of its orientation (Exif 2.32, 4.6.4); others are upright.
_TURNS: dict[int, _Turn] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
# Pillow's name for a JPEG with more pictures behind the first, as many phones write it.
_JPEGS = ("JPEG", "MPO")
# libjpeg-turbo has fast kernels for these shares of eight coefficients; those between cost more than the whole.
_JPEG_SCALES = (8, 4, 2, 1)
# A JPEG with more scans than any encoder makes is decoded by pieces, between which its CPU is looked at: each scan goes
# over all of the pixels, though it may have no more than a few bytes.
_MOST_SCANS, _PIECE_BYTES = 16, 4096
# The header of a JPEG of so many bytes takes a fraction of a second, whatever is in it, so that one look at the clock
# behind it is enough: an ordinary one takes two thirds longer to read where every reading is Python's.
_QUICK_BYTES = 1 << 18
# Of each pixel libwebp and Pillow hold up to 20 bytes at once, and of one of a progressive CMYK JPEG 12; of other kinds
# it is 10 at most. Of 25 megapixels, 300 MB of memory are meant to be enough, bodies included.
_HEAVY = 2
# What one strip or tile of a TIFF may have, for each pixel that an image may have: 8 bits of RGB with transparency.
_PIECE_BYTES_PER_PIXEL = 4
# 32-bit and floating-point samples have no agreed range: whatever scale was guessed, some would become black.
_NO_AGREED_RANGE = ("I", "F")


@dataclass(frozen=True)
class EncodedImage:
    """An image of a supported format and an accepted size, its header read and its pixels not yet decoded."""

    encoded: bytes
    header: Image.Image
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def megapixels(self) -> float:
        """Million pixels, by its header; those of which a decoder holds more at once count twice."""
        return self.header.width * self.header.height / 1e6 * (1 if self._heavy is None else _HEAVY)

    @property
    def _heavy(self) -> str | None:
        """Return its kind where a decoder holds more of each pixel than of other kinds."""
        if self.header.format in _JPEGS and self.header.mode == "CMYK":
            return "CMYK JPEG"
        return "WebP" if self.header.format == "WEBP" else None

    @property
    def orientation(self) -> int:
        """Its EXIF's, 2 to 8; 1, upright, where there is none that means anything."""
        if len(self.header.info.get("exif", b"")) > _MOST_EXIF_BYTES:
            return UPRIGHT
        try:
            found = self.header.getexif().get(EXIF_ORIENTATION, UPRIGHT)
            return int(found) if found in _TURNS else UPRIGHT
        except RequestError:
            raise
        except Exception:  # As with pixels; and an image whose EXIF can't be read is still an image.
            return UPRIGHT

    @classmethod
    def open(cls, encoded: bytes, max_megapixels: float, allowance: Allowance | None = None) -> "EncodedImage":
        """Return the image in `encoded`.

        Args:
            encoded: a file.
            max_megapixels: that it may have.
            allowance: CPU that reading and decoding it may take; as much as it needs where there is none.

        Raises:
            EmptyBody: there are no bytes.
            UnsupportedFormat: no image of `FORMATS`, or of samples without an agreed range.
            ImageTooLarge: by its header, more than `max_megapixels` million pixels.
            DecompressionBomb: a part of it that is not its pixels, or one strip of them, is too large when unpacked.
            UnreadableImage: the header is damaged, incomplete or contradicts itself, or names no pixels.
            DecodingTooSlow: over its allowance.
        """
        if not encoded:
            raise EmptyBody("the image has no bytes; send an encoded image.")
        allowance = allowance or Allowance()
        image = cls(encoded, _read_header(encoded, allowance, max_megapixels), allowance)
        _correct(image.header, encoded)
        if image.header.mode in _NO_AGREED_RANGE:
            raise UnsupportedFormat("the image has 32-bit or floating-point samples; send 8 or 16 bits.")
        if image.megapixels > max_megapixels:
            why = f" (a {image._heavy}'s count twice)" if image._heavy else ""
            size = f"{image.header.width}x{image.header.height} pixels, {image.megapixels:.1f} megapixels{why}"
            left = max(max_megapixels, 0)
            raise ImageTooLarge(f"the image has {size}; {left:g} are left of what one request may have.")
        return image

    def decode(self, shorter_side: int | None = None) -> NDArray[np.uint8]:
        """Return uint8 [height, width, 3], RGB, upright by its EXIF orientation; transparency becomes white.

        Of an animation, the first frame; of several pictures, the first. What follows an image's end is not looked at.
        To be called once.

        Args:
            shorter_side: pixels that are enough. A JPEG comes at a half, a quarter or an eighth of its size as long as
                it has no fewer; None means its whole size.

        Raises:
            UnreadableImage: damaged or incomplete.
            DecompressionBomb: a text behind its pixels is too large when unpacked.
            DecodingTooSlow: over its allowance.
            OutOfMemory: the decoder had too little.
        """
        is_quick = self.header.format in _JPEGS and self.header.mode in ("RGB", "L")
        try:
            if is_quick and not self._may_have_scans():
                pixels = _turned(self._decode_jpeg(shorter_side), _TURNS.get(self.orientation))
            else:
                pixels = self._decode_by_pieces()
        except (MemoryError, RequestError):
            raise
        except Exception as error:  # Decoders raise what their parsers happen to: OSError, SyntaxError, struct.error …
            raise faults.of_pixels(error, self.header.format) from error
        self.allowance.check()
        return pixels

    def _decode_by_pieces(self) -> NDArray[np.uint8]:
        if self.header.format in _JPEGS:
            self.header.fp = MeteredFile(self.encoded, self.allowance)  # type: ignore[attr-defined]
            self.header.decodermaxblock = _PIECE_BYTES  # type: ignore[attr-defined]
        # The pixels first: a damaged image is reported as such, and not for its EXIF.
        self.header.load()
        if self.header.format == "PNG" and self._may_lack_rows() and not png.is_whole(self.encoded):
            raise TruncatedImage("the PNG image has fewer rows than its header names.")
        pixels, turn = rgb(self.header), _TURNS.get(self.orientation)
        # Pillow's copy, which is larger than this one, before another is made.
        self.header.close()
        return _turned(pixels, turn)

    def _may_have_scans(self) -> bool:
        # Pillow has read as far as the first scan's pixels.
        at = self.header.fp.tell()  # type: ignore[attr-defined]
        if not self.header.info.get("progressive") and jpeg.is_one_scan(self.encoded, at, len(self.header.getbands())):
            return False
        return jpeg.may_have_scans(self.encoded, more_than=_MOST_SCANS)

    def _may_lack_rows(self) -> bool:
        last_row = self.header.crop((0, self.header.height - 1, self.header.width, self.header.height))
        return last_row.getbbox(alpha_only=False) is None or bool(self.header.info.get("interlace"))

    def _decode_jpeg(self, shorter_side: int | None) -> NDArray[np.uint8]:
        # libjpeg-turbo without Pillow's row loop (`python -m benchmarks.preprocessing` compares them).
        width, height = self.header.size
        enough = min(width, height) if shorter_side is None else shorter_side
        # By division: of a side of one pixel, an eighth is still one.
        by = next(by for by in _JPEG_SCALES if by == 1 or min(width, height) / by >= enough)
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            self.encoded,
            colorspace="RGB",
            # It takes the smallest of its scales that has as many: this one.
            min_width=math.ceil(width / by),
            min_height=math.ceil(height / by),
            strict=True,
        )
        return pixels


def _correct(header: Image.Image, encoded: bytes) -> None:
    """Have Pillow look for a PNG's transparent colour among the 8 bits that it keeps of 16."""
    colour = header.info.get("transparency")
    if header.format == "PNG" and header.mode == "RGB" and colour and encoded[_PNG_DEPTH] > 8:  # noqa: PLR2004
        header.info["transparency"] = tuple(sample >> 8 for sample in colour)


def _turned(pixels: NDArray[np.uint8], turn: _Turn | None) -> NDArray[np.uint8]:
    return np.ascontiguousarray(turn(pixels)) if turn else pixels


def _read_header(encoded: bytes, allowance: Allowance, max_megapixels: float) -> Image.Image:
    if encoded.startswith(tiff.STARTS):
        tiff.check(encoded, max_megapixels * 1e6 * _PIECE_BYTES_PER_PIXEL)
    is_quick = encoded.startswith(jpeg.FIRST_BYTES) and len(encoded) <= _QUICK_BYTES
    try:
        header = Image.open(io.BytesIO(encoded) if is_quick else MeteredFile(encoded, allowance), formats=FORMATS)
        allowance.check()
        return header
    except (MemoryError, RequestError):
        raise
    except Exception as error:
        raise faults.of_header(error, encoded) from error
