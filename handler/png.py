"""The chunks of a PNG (W3C PNG, third edition, 5), and whether all of its pixels are in them."""

import zlib
from collections.abc import Iterator

START = b"\x89PNG\r\n\x1a\n"
_LENGTH_KIND_CRC = 12
# Samples of a pixel by colour type.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column, first row and steps of the seven passes of an interlaced image (8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PACKED_AT_ONCE, _UNPACKED_AT_ONCE = 1 << 12, 1 << 16


def chunks(encoded: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Give kind, start and end of each chunk as far as the image's end.

    Raises:
        ValueError: it has none.
    """
    at = len(START)
    while at < len(encoded):
        kind = bytes(encoded[at + 4 : at + 8])
        end = at + _LENGTH_KIND_CRC + int.from_bytes(encoded[at : at + 4])
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end
    raise ValueError("the PNG has no end")


def is_whole(encoded: bytes) -> bool:
    """Return whether a PNG that was decoded has as many pixels as its header says.

    Decoders don't ask: to them the rest is black.
    """
    wanted = _packed_bytes(encoded[16:29])
    unpacking = zlib.decompressobj()
    for kind, at, end in chunks(encoded):
        if kind != b"IDAT":
            continue
        # By pieces: what is not unpacked yet is copied each time.
        for piece in range(at + 8, min(end - 4, len(encoded)), _PACKED_AT_ONCE):
            packed = encoded[piece : min(piece + _PACKED_AT_ONCE, end - 4)]
            while packed and wanted > 0 and not unpacking.eof:
                wanted -= len(unpacking.decompress(packed, _UNPACKED_AT_ONCE))
                packed = unpacking.unconsumed_tail
    return wanted <= 0


def _packed_bytes(header: bytes) -> int:
    """Return the bytes of all rows, each with its filter, before they were packed."""
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    bits, is_interlaced = header[8] * _SAMPLES[header[9]], header[12] == 1
    passes = _PASSES if is_interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total
