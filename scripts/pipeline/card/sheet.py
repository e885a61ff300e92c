"""Images with what was said of them, on one sheet."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scripts.pipeline.card.wrong import Wrong

_COLUMNS = 4
_SIDE = 220
_GAP = 12
_LINE = 17
_TEXT = 13
_WHITE, _BLACK, _GREY = (255, 255, 255), (0, 0, 0), (90, 90, 90)


def contact_sheet(wrong: Sequence[Wrong], images: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return a PNG of the images, four in a row, each with its file name, its label and what it was called.

    Args:
        wrong: at least one.
        images: of the same, each uint8 [height, width, 3], RGB, of any size.
    """
    rows = -(-len(wrong) // _COLUMNS)
    columns = min(len(wrong), _COLUMNS)
    tile = (_SIDE + _GAP, _SIDE + 3 * _LINE + _GAP)
    sheet = Image.new("RGB", (columns * tile[0] + _GAP, rows * tile[1] + _GAP), _WHITE)
    # Pillow's own font has Latin letters only; this one comes with matplotlib and has most scripts.
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", _TEXT)
    draw = ImageDraw.Draw(sheet)
    for index, (line, pixels) in enumerate(zip(wrong, images, strict=True)):
        left, top = (
            _GAP + place * size for place, size in zip((index % _COLUMNS, index // _COLUMNS), tile, strict=True)
        )
        picture = Image.fromarray(pixels)
        scale = _SIDE / max(picture.size)
        size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        sheet.paste(picture.resize(size, Image.Resampling.BILINEAR), (left, top))
        texts = (
            (_shortened(line.file, font), _GREY),
            (_shortened(f"is {line.label}{_doubt(line)}", font), _BLACK),
            (_shortened(f"called {line.called}, {float(line.probability):.1%}", font), _BLACK),
        )
        for number, (text, colour) in enumerate(texts):
            draw.text((left, top + _SIDE + 1 + number * _LINE), text, fill=colour, font=font)
    return _png(sheet)


def _doubt(line: Wrong) -> str:
    target = float(line.target)
    return "" if target == 1 else f" ({target:.0%} by the data)"


def _shortened(text: str, font: ImageFont.FreeTypeFont) -> str:
    """The text, without its middle where it would run into its neighbour; on one line."""
    text = "".join(char if char.isprintable() else " " for char in text)
    kept = len(text)
    short = text
    while font.getlength(short) > _SIDE and kept > 1:
        kept -= 1
        short = f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"
    return short


def _png(sheet: Image.Image) -> bytes:
    red, green, blue = sheet.split()
    is_grey = red.tobytes() == green.tobytes() == blue.tobytes()
    content = io.BytesIO()
    (red if is_grey else sheet).save(content, format="png", optimize=True)
    return content.getvalue()
