"""What a TIFF's first directory (TIFF 6.0, section 2) says of its size, held against the file before it is decoded."""

import math
import struct

from handler.errors import DecompressionBomb, InconsistentImage, NoPixels, TruncatedImage, UnreadableImage

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _ROWS, _PLANES = 256, 257, 258, 277, 278, 284
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _TILE_WIDTH, _TILE_HEIGHT = 273, 279, 324, 325, 322, 323
_SEPARATE = 2
_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_BYTES = (1, 2, 6, 7)
# Numbers of one tag: tiles of 16x16 of the largest image that is usually allowed. Pillow makes an object of each.
_MOST_NUMBERS = 131_072
# A tag has 16 bits, and is there once.
_MOST_TAGS = 1 << 16
_Tags = dict[int, tuple[int, ...]]


def check(encoded: bytes, max_piece_bytes: float) -> None:
    """Return if the directory agrees with itself and with the file, and what is unpacked at once is small enough.

    Args:
        encoded: begins with one of `STARTS`.
        max_piece_bytes: of one strip or tile, unpacked: the decoder holds it as a whole beside the pixels.

    Raises:
        NoPixels: a side is 0.
        InconsistentImage: it has more numbers, or fewer strips or tiles, than its size takes.
        TruncatedImage: it points behind the end of the file.
        DecompressionBomb: one strip or tile has more than `max_piece_bytes`.
        UnreadableImage: there is no such directory.
    """
    try:
        tags = _directory(encoded)
    except (struct.error, OverflowError) as error:  # An offset of 64 bits may be more than Python takes for one.
        raise TruncatedImage("the TIFF image ends before its directory does.") from error
    width, height = (_first(tags, tag, -1) for tag in (_WIDTH, _HEIGHT))
    if min(width, height) < 0:
        raise UnreadableImage("the TIFF image's first directory names no width or no height.")
    if min(width, height) == 0:
        raise NoPixels(f"the TIFF image has {width}x{height} pixels.")
    across, down, planes = _piece(tags, width, height)
    bits = tags.get(_BITS) or (1,)
    piece = math.ceil(across * max(bits) * _first(tags, _SAMPLES, len(bits)) / planes / 8) * down
    if piece > max_piece_bytes:
        raise DecompressionBomb(
            f"a strip or tile of the TIFF image unpacks to {piece / 1e6:.0f} MB at once; "
            f"at most {max_piece_bytes / 1e6:.0f} are accepted."
        )
    wanted = math.ceil(width / across) * math.ceil(height / down) * planes
    offsets, sizes = (
        tags.get(tag, ()) for tag in ((_TILES, _TILE_BYTES) if _TILES in tags else (_STRIPS, _STRIP_BYTES))
    )
    if len(offsets) < wanted or 0 < len(sizes) < wanted:
        raise InconsistentImage(f"the TIFF image's size takes {wanted} strips or tiles; it names {len(offsets)}.")
    sizes = sizes or (0,) * wanted
    if max(map(sum, zip(offsets[:wanted], sizes[:wanted], strict=True))) > len(encoded):
        raise TruncatedImage("the TIFF image's strips or tiles lie behind its end.")


def _first(tags: _Tags, tag: int, otherwise: int) -> int:
    return (tags.get(tag) or (otherwise,))[0]


def _piece(tags: _Tags, width: int, height: int) -> tuple[int, int, int]:
    """Return columns and rows of a strip or tile, and how many planes there are, each with its own."""
    planes = _first(tags, _SAMPLES, 1) if _first(tags, _PLANES, 1) == _SEPARATE else 1
    if _TILES in tags:
        across, down = _first(tags, _TILE_WIDTH, 0), _first(tags, _TILE_HEIGHT, 0)
    else:
        across, down = width, min(_first(tags, _ROWS, height), height)
    if min(across, down, planes) <= 0:
        raise InconsistentImage("the TIFF image's strips or tiles have no size.")
    return across, down, planes


def _directory(encoded: bytes) -> _Tags:
    order = "<" if encoded.startswith(b"II") else ">"
    big = encoded[2:4] in (b"+\0", b"\0+")
    count_code, entry_code, offset_code = ("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I")
    (at,) = struct.unpack_from(order + offset_code, encoded, 8 if big else 4)
    (count,) = struct.unpack_from(order + count_code, encoded, at)
    at += struct.calcsize(order + count_code)
    layout = struct.Struct(order + entry_code)
    if count * layout.size > len(encoded):
        raise struct.error
    if count > _MOST_TAGS:
        raise InconsistentImage(f"the TIFF image's directory has {count} tags.")
    found: _Tags = {}
    for number in range(count):
        tag, kind, values, content = layout.unpack_from(encoded, at + number * layout.size)
        if values > _MOST_NUMBERS and (kind not in _BYTES or tag in _WANTED):
            raise InconsistentImage(f"tag {tag} of the TIFF image has {values} numbers.")
        # Of a tag that is there again the decoders take the first; to read all would take as long as somebody likes.
        if kind in _CODES and tag in _WANTED and not found.get(tag):
            numbers = struct.Struct(f"{order}{values}{_CODES[kind]}")
            is_here = numbers.size <= len(content)
            source, start = (content, 0) if is_here else (encoded, struct.unpack(order + offset_code, content)[0])
            found[tag] = numbers.unpack_from(source, start)
    return found


_WANTED = frozenset(
    (
        _WIDTH, _HEIGHT, _BITS, _SAMPLES, _ROWS, _PLANES,
        _STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _TILE_WIDTH, _TILE_HEIGHT,
    )
)  # fmt: skip
