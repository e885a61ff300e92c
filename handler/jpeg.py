"""The segments of a JPEG (ITU-T T.81, annex B)."""

import re
from collections.abc import Iterator

START, APP0, APP1, APP2, APP14, APP15, COMMENT, SCAN, END = 0xD8, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE, 0xDA, 0xD9
FIRST_BYTES = b"\xff\xd8\xff"
# What ends the coded pixels of a scan: a marker, but for restarts; a stuffed FF00 and a fill byte are none.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Baseline, progressive and the like; between them lie tables: DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def segments(encoded: bytes) -> Iterator[tuple[int, int, int]]:
    """Give kind, start and end of each segment behind the first, as far as the end of the first picture.

    A scan's segment has its coded pixels with it.

    Raises:
        ValueError: something else is where a segment should begin, or there is no end.
    """
    at = 2
    while True:
        while encoded[at : at + 2] == b"\xff\xff":
            at += 1
        if len(encoded) < at + 2 or encoded[at] != 0xFF:  # noqa: PLR2004  (every marker begins with it)
            raise ValueError(f"no JPEG marker at byte {at}")
        kind = encoded[at + 1]
        if kind == END:
            yield kind, at, at + 2
            return
        end = at + 2 + int.from_bytes(encoded[at + 2 : at + 4])
        if kind == SCAN:
            found = _MARKER.search(encoded, end)
            if found is None:
                raise ValueError("the JPEG has no end")
            end = found.start()
        yield kind, at, end
        at = end


def is_one_scan(encoded: bytes, pixels_at: int, components: int) -> bool:
    """Return whether the scan whose coded pixels begin there has all components: a sequential JPEG has no other then.

    Decoders go by that (`has_multiple_scans` in libjpeg's jdinput.c), and read no other.
    """
    at = pixels_at - 8 - 2 * components
    return at >= 0 and encoded[at : at + 2] == bytes((0xFF, SCAN)) and encoded[at + 4] == components


def may_have_scans(encoded: bytes, more_than: int) -> bool:
    """Return whether there are more scans than so many, pictures in its EXIF and behind its end counted in.

    No coded pixel looks like the beginning of one.
    """
    return encoded.count(bytes((0xFF, SCAN))) > more_than


def sides(encoded: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels as the frame's header names them; None where there is none."""
    try:
        for kind, at, _ in segments(encoded):
            if kind in _FRAMES:
                height, width = (int.from_bytes(encoded[at + byte : at + byte + 2]) for byte in (5, 7))
                return width, height
    except ValueError:
        pass
    return None
