"""The strip: one mole's crops side by side, with a line of words under each."""

from collections.abc import Sequence

import numpy as np

from mel_debug.changes.page import Picture
from mel_debug.core.geometry import Size
from mel_debug.core.scaling import resized
from mel_debug.core.types import Pixels

TILE, GAP, TEXT = 240, 8, 15
"""Side of a tile, gap between tiles and height of the letters, in pixels."""

MOST_COLUMNS = 8
"""Tiles in a row; more begin a new row."""

INK, PAPER, DASH = (40, 42, 46), (255, 255, 255), (110, 114, 120)


def draw_strip(pictures: Sequence[Picture]) -> Pixels:
    """Draw crops with their captions, (height, width, 3); doubtful ones have a dashed edge."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(TEXT)
    lines = [_wrapped(picture.caption, font) for picture in pictures]
    height = TILE + (max(map(len, lines), default=0) + 1) * (TEXT + 4)
    columns = min(MOST_COLUMNS, max(1, len(pictures)))
    rows = -(-len(pictures) // columns)
    size = (columns * (TILE + GAP) + GAP, rows * (height + GAP) + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, picture in enumerate(pictures):
        left = GAP + number % columns * (TILE + GAP)
        top = GAP + number // columns * (height + GAP)
        if picture.pixels is None:
            draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), outline=DASH)
        else:
            sheet.paste(Image.fromarray(resized(picture.pixels, Size(TILE, TILE))), (left, top))
        if picture.doubtful:
            _dashes(draw, left, top)
        for row, line in enumerate(lines[number]):
            draw.text((left, top + TILE + 4 + row * (TEXT + 4)), line, fill=INK, font=font)
    return np.asarray(sheet)


def _wrapped(caption: str, font: object) -> list[str]:
    """The caption in lines no wider than a tile."""
    found: list[str] = []
    for line in caption.split("\n"):
        part = ""
        for word in line.split():
            longer = f"{part} {word}".strip()
            if part and font.getlength(longer) > TILE:  # type: ignore[attr-defined]
                found.append(part)
                longer = word
            part = longer
        found.append(part)
    return found


def _dashes(draw: object, left: int, top: int) -> None:
    for start in range(0, TILE, 16):
        end = min(start + 8, TILE)
        for line in (
            (left + start, top, left + end, top),
            (left + start, top + TILE - 1, left + end, top + TILE - 1),
            (left, top + start, left, top + end),
            (left + TILE - 1, top + start, left + TILE - 1, top + end),
        ):
            draw.line(line, fill=DASH, width=2)  # type: ignore[attr-defined]
