"""One encoded image → its pixels."""

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from handler.errors import EmptyBody, ImageTooLarge, UnreadableImage, UnsupportedFormat

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# "RIFF" alone begins sounds as well, and "BM" texts: both name what follows a little further on.
_WEBP = slice(8, 12)
_BMP_HEADER_SIZE = slice(14, 18)
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
EXIF_ORIENTATION, UPRIGHT = 0x0112, 1
# What makes an image upright again, by the value of its orientation (Exif 2.32, 4.6.4); others are upright.
_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
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
# 32-bit and floating-point samples have no agreed range: whatever scale was guessed, some would become black.
_NO_AGREED_RANGE = ("I", "F")


@dataclass(frozen=True)
class EncodedImage:
    """An image of a supported format and an accepted size, its header read and its pixels not yet decoded."""

    encoded: bytes
    header: Image.Image

    @property
    def megapixels(self) -> float:
        """Million pixels, by its header."""
        return self.header.width * self.header.height / 1e6

    @property
    def orientation(self) -> int:
        """Its EXIF's, 2 to 8; 1, upright, where there is none that means anything."""
        try:
            found = self.header.getexif().get(EXIF_ORIENTATION, UPRIGHT)
            return int(found) if found in _TURNS else UPRIGHT
        except Exception:  # As with pixels; and an image whose EXIF can't be read is still an image.
            return UPRIGHT

    @classmethod
    def open(cls, encoded: bytes, max_megapixels: float) -> "EncodedImage":
        """Return the image in `encoded`.

        Raises:
            EmptyBody: there are no bytes.
            UnsupportedFormat: no image of `FORMATS`, or of samples without an agreed range.
            ImageTooLarge: by its header, more than `max_megapixels` million pixels.
            UnreadableImage: the header is damaged or incomplete.
        """
        if not encoded:
            raise EmptyBody("the image has no bytes; send an encoded image.")
        image = cls(encoded, _read_header(encoded))
        if image.header.mode in _NO_AGREED_RANGE:
            raise UnsupportedFormat("the image has 32-bit or floating-point samples; send 8 or 16 bits.")
        if image.megapixels > max_megapixels:
            size = f"{image.header.width}x{image.header.height} pixels, {image.megapixels:.1f} megapixels"
            left = max(max_megapixels, 0)
            raise ImageTooLarge(f"the image has {size}; {left:g} are left of what one request may have.")
        return image

    def decode(self, shorter_side: int | None = None) -> NDArray[np.uint8]:
        """Return uint8 [height, width, 3], RGB, upright by its EXIF orientation; transparency becomes white.

        Of an animation, the first frame.

        Args:
            shorter_side: pixels that are enough. A JPEG comes at a half, a quarter or an eighth of its size as long as
                it has no fewer; None means its whole size.

        Raises:
            UnreadableImage: damaged or incomplete.
        """
        try:
            if self.header.format in _JPEGS and self.header.mode in ("RGB", "L"):
                return self._upright(self._decode_jpeg(shorter_side))
            # The pixels first: a damaged image is reported as such, and not for its EXIF.
            self.header.load()
            return self._upright(_rgb(self.header))
        except MemoryError:
            raise  # Ours, not the image's.
        except Exception as error:  # Decoders raise what their parsers happen to: OSError, SyntaxError, struct.error …
            raise UnreadableImage(f"the {self.header.format} image is damaged or incomplete: {error}") from error

    def _decode_jpeg(self, shorter_side: int | None) -> NDArray[np.uint8]:
        # libjpeg-turbo without Pillow's row loop (`python -m scripts.bench_preprocessing` compares them).
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

    def _upright(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        turn = _TURNS.get(self.orientation)
        return np.ascontiguousarray(turn(pixels)) if turn else pixels


def _read_header(encoded: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(encoded), formats=FORMATS)
    except MemoryError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"the image is too large: {error}") from error
    except Exception as error:
        if _is_known(encoded):
            raise UnreadableImage("the image's header is damaged or incomplete.") from error
        raise UnsupportedFormat(f"not an image of a supported format ({', '.join(FORMATS)}).") from error


def _is_known(encoded: bytes) -> bool:
    """Return whether the bytes begin like a supported format, so that their fault is damage."""
    if encoded.startswith(b"RIFF"):
        return encoded[_WEBP] == b"WEBP"
    if encoded.startswith(b"BM"):
        return int.from_bytes(encoded[_BMP_HEADER_SIZE], "little") in _BMP_HEADER_SIZES
    return encoded.startswith(_SIGNATURES)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16"):
        # 16-bit grey: Pillow's own conversion clips at 255 instead of scaling.
        high_bytes = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(high_bytes[:, :, np.newaxis], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"))
