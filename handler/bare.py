"""An encoded image → the same pixels without what else it says: no EXIF, XMP, comments, thumbnails, trailers."""

import io
import re
import zlib
from collections.abc import Iterator

from PIL import Image

from handler.decode import EXIF_ORIENTATION, UPRIGHT, EncodedImage

_JPEG_START, _JPEG_END = b"\xff\xd8", 0xD9
_APP0, _APP1, _APP2, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_SCAN = 0xDA
# What ends the coded pixels of a scan: a marker, but for restarts; a stuffed FF00 and a fill byte are none.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Of JFIF's own segment all but the thumbnail, whose sides are its last two bytes.
_JFIF, _JFIF_HEAD = b"JFIF\0", 12
_PROFILE = b"ICC_PROFILE\0"

_PNG_START = b"\x89PNG\r\n\x1a\n"
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
    if encoded.startswith(_PNG_START):
        kept = _PNG_START + b"".join(_chunks(encoded))
        # Only what is taken out could have named an orientation.
        if kept == encoded or _is_upright(image):
            return ".png", kept
    return ".png", _png(image)


def _segments(encoded: bytes, orientation: int) -> Iterator[bytes]:
    """Give the segments of a JPEG (ITU-T T.81, annex B) that are kept, as far as the end of its first picture."""
    if orientation != UPRIGHT:
        exif = Image.Exif()
        exif[EXIF_ORIENTATION] = orientation
        said = exif.tobytes()
        yield bytes((0xFF, _APP1)) + (len(said) + 2).to_bytes(2) + said
    at = len(_JPEG_START)
    while True:
        while encoded[at : at + 2] == b"\xff\xff":
            at += 1
        if len(encoded) < at + 2 or encoded[at] != 0xFF:  # noqa: PLR2004  (every marker begins with it)
            raise ValueError(f"no JPEG marker at byte {at}")
        kind = encoded[at + 1]
        if kind == _JPEG_END:
            yield encoded[at : at + 2]
            return
        end = at + 2 + int.from_bytes(encoded[at + 2 : at + 4])
        if kind == _SCAN:
            found = _MARKER.search(encoded, end)
            if found is None:
                raise ValueError("the JPEG has no end")
            end = found.start()
        yield _kept_segment(kind, encoded[at:end])
        at = end


def _kept_segment(kind: int, segment: bytes) -> bytes:
    content = segment[4:]
    if kind == _APP0:
        # Another APP0 (JFXX) is nothing but a thumbnail.
        head = content[:_JFIF_HEAD] + b"\0\0"
        return segment[:2] + (len(head) + 2).to_bytes(2) + head if content.startswith(_JFIF) else b""
    is_application = _APP1 <= kind <= _APP15
    # Adobe's says how the colours are to be read.
    is_needed = kind == _APP14 or (kind == _APP2 and content.startswith(_PROFILE))
    return segment if is_needed or not (is_application or kind == _COMMENT) else b""


def _chunks(encoded: bytes) -> Iterator[bytes]:
    """Give the chunks of a PNG (W3C PNG, 5.3) that are kept, as far as its end."""
    at = len(_PNG_START)
    while at < len(encoded):
        kind = encoded[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(encoded[at : at + 4])
        if kind in _PNG_CHUNKS:
            yield encoded[at:end]
        if kind == b"IEND":
            return
        at = end
    raise ValueError("the PNG has no end")


def _is_upright(image: EncodedImage) -> bool:
    image.header.load()  # A PNG may have its EXIF behind the pixels.
    return image.orientation == UPRIGHT


def _png(image: EncodedImage) -> bytes:
    pixels: Image.Image = image.header
    pixels.load()
    if not pixels.mode.startswith("I;16"):
        opaque = "L" if pixels.mode in ("1", "L") else "RGB"
        pixels = pixels.convert("RGBA" if pixels.has_transparency_data else opaque)
    if image.orientation != UPRIGHT:
        pixels = pixels.transpose(_TRANSPOSE[image.orientation])
    # What Pillow would write beside the pixels.
    pixels.info.clear()
    stream = io.BytesIO()
    pixels.save(stream, "PNG", compress_level=zlib.Z_BEST_SPEED)
    return stream.getvalue()
