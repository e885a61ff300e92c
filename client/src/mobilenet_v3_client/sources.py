"""The bytes of an image, from whatever holds one; and the images of a folder."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union

from mobilenet_v3_client.errors import UnreadableSource

# A path, the bytes of a file, an open binary file, or an image of Pillow.
ImageSource = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, Any]
# The server's own (scripts/pipeline/data/photos.py); tests/client/test_sources.py holds one to the other.
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))
# What PNG can hold without a loss (Pillow's PngImagePlugin).
_OF_PNG = frozenset(("1", "L", "LA", "I;16", "P", "RGB", "RGBA"))


def read(source: ImageSource) -> bytes:
    """Return the encoded image.

    Raises:
        UnreadableSource: the file can't be read, or it is nothing of that kind.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    try:
        if isinstance(source, (str, os.PathLike)):
            return Path(source).read_bytes()
        if hasattr(source, "read"):
            return _whole(source.read())
        # By its shape: whoever has no Pillow has none of its images either.
        if hasattr(source, "save") and hasattr(source, "getexif"):
            return _png(source)
    except OSError as error:
        name = f"{source}: " if isinstance(source, (str, os.PathLike)) else ""
        raise UnreadableSource(f"{name}{error.strerror or error}") from error
    except UnreadableSource:
        raise
    except Exception as error:  # of the caller's own file object: this image's alone, whatever it is
        raise UnreadableSource(f"{type(error).__name__}: {error}") from error
    raise UnreadableSource(
        f"{type(source).__name__}: give a path, bytes, a file opened with 'rb', or an image of Pillow."
    )


def images(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Return the image files in a folder and the folders in it, by name; hidden ones are left out.

    Raises:
        UnreadableSource: it is no folder that can be read. At once, before the first image is asked for.
    """
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise UnreadableSource(f"{folder}: {error.strerror}") from error
    return _walk(Path(folder))


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith(".") and path.is_file():
                yield path


def _whole(content: object) -> bytes:
    if not isinstance(content, (bytes, bytearray)):
        raise UnreadableSource("the file gives text; open it with 'rb'.")
    return bytes(content)


def _png(image: Any) -> bytes:
    exif = image.getexif()
    stream = io.BytesIO()
    # With its EXIF, which says how to turn it: the server turns it as it would turn the file.
    (image if image.mode in _OF_PNG else image.convert("RGB")).save(stream, "PNG", exif=exif)
    return stream.getvalue()
