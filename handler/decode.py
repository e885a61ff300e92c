"""One encoded image → its pixels."""

import io

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps

from handler.errors import EmptyBody, ImageTooLarge, UnreadableImage, UnsupportedFormat

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"RIFF", b"BM", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = 1


def decode(encoded: bytes, max_megapixels: float) -> NDArray[np.uint8]:
    """Return uint8 [height, width, 3], RGB, upright by its EXIF orientation; transparency becomes white.

    Of an animation, the first frame.

    Raises:
        EmptyBody: there are no bytes.
        UnsupportedFormat: no image of `FORMATS`.
        ImageTooLarge: by its header, more than `max_megapixels` million pixels.
        UnreadableImage: damaged or incomplete.
    """
    if not encoded:
        raise EmptyBody("the image has no bytes; send an encoded image.")
    image = _open(encoded, max_megapixels)
    try:
        upright = image.getexif().get(_EXIF_ORIENTATION, _UPRIGHT) == _UPRIGHT
        if image.format == "JPEG" and image.mode in ("RGB", "L") and upright:
            # libjpeg-turbo without Pillow's row loop: 0.9 ms against 1.5 for 500x375.
            pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(encoded, colorspace="RGB", strict=True)
            return pixels
        return _rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Decoders raise what their parsers happen to: OSError, SyntaxError, struct.error …
        raise UnreadableImage(f"the {image.format} image is damaged or incomplete: {error}") from error


def _open(encoded: bytes, max_megapixels: float) -> Image.Image:
    """Return the image with its header read and its pixels not yet decoded."""
    try:
        image = Image.open(io.BytesIO(encoded), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge(f"the image is larger than the limit of {max_megapixels:g} megapixels: {error}") from error
    except Exception as error:
        if encoded.startswith(_SIGNATURES):
            raise UnreadableImage("the image's header is damaged or incomplete.") from error
        raise UnsupportedFormat(f"not an image of a supported format ({', '.join(FORMATS)}).") from error
    megapixels = image.width * image.height / 1e6
    if megapixels > max_megapixels:
        raise ImageTooLarge(
            f"the image has {image.width}x{image.height} pixels ({megapixels:.1f} megapixels); "
            f"at most {max_megapixels:g} megapixels are accepted."
        )
    return image


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I"):
        # 16-bit grey: Pillow's own conversion clips at 255 instead of scaling.
        samples = np.clip(np.asarray(image, dtype=np.int64), 0, 65535)
        return np.repeat((samples // 257).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"))
