"""An encoded image → the same pixels without what else it says: no EXIF, XMP, comments, thumbnails, trailers."""

import io
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from handler import jpeg, png
from handler.colours import is_deep, is_white_zero
from handler.decode import EXIF_ORIENTATION, UPRIGHT, EncodedImage

_JPEG_START = bytes((0xFF, jpeg.START))
# Of JFIF's own segment all but the thumbnail, whose sides are its last two bytes.
_JFIF, _JFIF_HEAD = b"JFIF\0", 12
_PROFILE = b"ICC_PROFILE\0"

# Pixels, and how to show their colours.
_PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def bare(encoded: bytes, max_megapixels: float) -> tuple[str, bytes]:
    """Return a file's ending and its content, which `decode` makes the same pixels of.

    A JPEG and an upright PNG lose parts and are not encoded again; a JPEG keeps its orientation, as EXIF of that alone.
    Everything else becomes an upright PNG, of an animation the first frame.

    Args:
        encoded: an image that was answered.
        max_megapixels: that it may have.

    Raises:
        ValueError, struct.error, OSError, RequestError: it can't be taken apart, whatever the decoder made of it.
    """
    image = EncodedImage.open(encoded, max_megapixels)
    if encoded.startswith(_JPEG_START):
        return ".jpg", _JPEG_START + b"".join(_segments(encoded, image.orientation))
    if encoded.startswith(png.START):
        kept = png.START + b"".join(encoded[at:end] for kind, at, end in png.chunks(encoded) if kind in _PNG_CHUNKS)
        # Only what is taken out could have named an orientation.
        if kept == encoded or _is_upright(image):
            return ".png", kept
    return ".png", _png(image)


def _segments(encoded: bytes, orientation: int) -> Iterator[bytes]:
    """Give the segments of a JPEG that are kept, as far as the end of its first picture."""
    if orientation != UPRIGHT:
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        said = exif.tobytes()
        yield bytes((0xFF, jpeg.APP1)) + (len(said) + 2).to_bytes(2) + said
    for kind, at, end in jpeg.segments(encoded):
        yield _kept_segment(kind, encoded[at:end])


def _kept_segment(kind: int, segment: bytes) -> bytes:
    content = segment[4:]
    if kind == jpeg.APP0:
        # Another APP0 (JFXX) is nothing but a thumbnail.
        head = content[:_JFIF_HEAD] + b"\0\0"
        return segment[:2] + (len(head) + 2).to_bytes(2) + head if content.startswith(_JFIF) else b""
    is_application = jpeg.APP1 <= kind <= jpeg.APP15
    # Adobe's says how the colours are to be read.
    is_needed = kind == jpeg.APP14 or (kind == jpeg.APP2 and content.startswith(_PROFILE))
    return segment if is_needed or not (is_application or kind == jpeg.COMMENT) else b""


def _is_upright(image: EncodedImage) -> bool:
    image.header.load()  # A PNG may have its EXIF behind the pixels.
    return image.orientation == UPRIGHT


def _png(image: EncodedImage) -> bytes:
    pixels: Image.Image = image.header
    pixels.load()
    if is_deep(pixels):
        if is_white_zero(pixels):
            pixels = Image.fromarray(np.iinfo(np.uint16).max - np.asarray(pixels))
    else:
        opaque = "L" if pixels.mode in ("1", "L") else "RGB"
        pixels = pixels.convert("RGBA" if pixels.has_transparency_data else opaque)
    if image.orientation != UPRIGHT:
        pixels = pixels.transpose(_TRANSPOSE[image.orientation])
    # What Pillow would write beside the pixels.
    pixels.info.clear()
    stream = io.BytesIO()
    pixels.save(stream, "PNG", compress_level=zlib.Z_BEST_SPEED)
    return stream.getvalue()
