"""What a decoder raised → the error that its image's sender gets."""

from PIL import Image

from handler import jpeg, png, tiff
from handler.errors import (
    DecompressionBomb,
    ImageTooLarge,
    NoPixels,
    OutOfMemory,
    RequestError,
    TruncatedImage,
    UnreadableImage,
    UnsupportedFormat,
)

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_SIGNATURES = (jpeg.FIRST_BYTES, png.START[:6], b"GIF87a", b"GIF89a", *tiff.STARTS)
# "RIFF" alone begins sounds as well, and "BM" texts: both name what follows a little further on.
_WEBP = slice(8, 12)
_BMP_HEADER_SIZE = slice(14, 18)
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)
_PNG_SIDES, _BMP_SIDES = (slice(16, 20), slice(20, 24)), (slice(18, 22), slice(22, 26))
# Where a JPEG's sides are looked for when it is refused; an ordinary one's are in here.
_HEAD = 1 << 18
# How decoders say that there are no more bytes: Pillow, libjpeg, struct; and that there is no more memory.
_ENDS = ("truncated", "premature end", "requires a buffer", "unexpected end of")
_NO_MEMORY = ("insufficient memory", "allocate memory", "out of memory", "memory allocation")
# Pillow's bounds on what the texts and the profile of a PNG unpack to.
_BOMBS = ("decompressed data too large", "too much memory used in text chunks")


def of_header(error: Exception, encoded: bytes) -> RequestError:
    """Return what is wrong with an image whose header can't be read."""
    if isinstance(error, Image.DecompressionBombError):
        return ImageTooLarge(f"the image has more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels.")
    if not is_known(encoded):
        return UnsupportedFormat(f"not an image of a supported format ({', '.join(FORMATS)}).")
    sides = _sides(encoded)
    if sides and 0 in sides:
        return NoPixels(f"the image has {sides[0]}x{sides[1]} pixels, by its header.")
    if _ends_early(encoded):
        return TruncatedImage("the image ends before its header says.")
    return _fault(error, "the image's header is damaged or incomplete.")


def of_pixels(error: Exception, kind: str | None) -> RequestError:
    """Return what is wrong with an image of a readable header whose pixels can't be decoded.

    Args:
        error: what its decoder raised.
        kind: its format.
    """
    return _fault(error, f"the {kind} image is damaged or incomplete: {error}")


def is_known(encoded: bytes) -> bool:
    """Return whether the bytes begin like a supported format, so that their fault is damage."""
    if encoded.startswith(b"RIFF"):
        return encoded[_WEBP] == b"WEBP"
    if encoded.startswith(b"BM"):
        return int.from_bytes(encoded[_BMP_HEADER_SIZE], "little") in _BMP_HEADER_SIZES
    return encoded.startswith(_SIGNATURES)


def _fault(error: Exception, otherwise: str) -> RequestError:
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(words in said for words in _NO_MEMORY):
        return OutOfMemory("the server is short of memory for this image; try again.")
    if any(words in said for words in _BOMBS):
        return DecompressionBomb(f"a text or profile in the image unpacks to more than is accepted: {error}")
    if any(words in said for words in _ENDS):
        return TruncatedImage(f"the image ends before its pixels do: {error}")
    return UnreadableImage(otherwise)


def _ends_early(encoded: bytes) -> bool:
    if encoded.startswith(b"RIFF"):
        return len(encoded) < int.from_bytes(encoded[4:8], "little")
    return encoded.startswith(png.START) and b"IEND" not in encoded


def _sides(encoded: bytes) -> tuple[int, int] | None:
    """Return width and height as a JPEG, PNG or BMP names them; a TIFF's directory is held against its file anyway."""
    if encoded.startswith(jpeg.FIRST_BYTES):
        return jpeg.sides(encoded[:_HEAD])
    where, order = (_PNG_SIDES, "big") if encoded.startswith(png.START) else (_BMP_SIDES, "little")
    if not encoded.startswith((png.START, b"BM")) or len(encoded) < where[1].stop:
        return None
    width, height = (int.from_bytes(encoded[side], order) for side in where)  # type: ignore[arg-type]
    return width, height
