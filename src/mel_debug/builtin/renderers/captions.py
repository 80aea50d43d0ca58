"""Text and scale bars on pictures."""

from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from mel_debug.core.escape import escaped
from mel_debug.core.types import Colour, Pixels

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

BLACK, WHITE = (0, 0, 0), (255, 255, 255)

LINE = 30
"""Height of a line of text in picture pixels."""

FONT = 20
"""Size of the text in picture pixels."""

EDGE = 4
"""Picture pixels between text and the edges of its caption."""

BAR_SHARE = 0.3
"""The longest scale bar, as a share of the picture's width."""

BAR_EDGE = 20
"""Picture pixels between a scale bar and the edges of the picture."""


def caption(text: str, width: int, colour: Colour = BLACK, *, lines: int = 1) -> Pixels:
    """Text on white, (`lines` * `LINE`, `width`, 3); what does not fit is cut off with dots.

    Control characters are escaped. The font has no letters beyond the Latin ones.
    """
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, lines * LINE), WHITE)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(wrapped(text, width, lines)):
        draw.text((EDGE, number * LINE + 2), line, fill=colour, font=_font())
    return np.array(image)


def wrapped(text: str, width: int, most: int) -> list[str]:
    """The lines of a caption, broken between words; the last of `most` lines may be cut off."""
    font, words = _font(), escaped(text).split(" ")
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if len(lines) == most or font.getlength(longer) <= width - 2 * EDGE:
            lines[-1] = longer
        else:
            lines.append(word)
    return [_fitted(line, width - 2 * EDGE) for line in lines]


def photo_name(name: str) -> str:
    """The name of a photo without its folders."""
    return PurePath(name).name or name


def draw_scale_bar(picture: Pixels, zoom: float) -> None:
    """Draw a bar of a round number of photo pixels at the lower left, with that number.

    `zoom` is picture pixels per photo pixel. Very small pictures have none.
    """
    from PIL import Image, ImageDraw

    height, width = picture.shape[:2]
    pixels = round_length(width * BAR_SHARE / zoom)
    length = round(pixels * zoom)
    if length < 2 or height < 2 * LINE:
        return
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    left, bottom = BAR_EDGE, height - BAR_EDGE
    draw.rectangle((left - 1, bottom - 4, left + length, bottom), fill=WHITE, outline=BLACK)
    draw.text(
        (left, bottom - LINE - 4),
        f"{pixels} px",
        fill=WHITE,
        font=_font(),
        stroke_width=2,
        stroke_fill=BLACK,
    )
    picture[:] = np.asarray(image)


def round_length(most: float) -> int:
    """The largest of 1, 2, 5, 10, 20, 50, ... that is at most `most`; 1 if none is."""
    if most < 1:
        return 1
    power = int("1" + "0" * (len(str(int(most))) - 1))
    return max(step * power for step in (1, 2, 5) if step * power <= most)


def _fitted(text: str, width: int) -> str:
    font = _font()
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


@cache
def _font() -> "FreeTypeFont | ImageFont":
    from PIL import ImageFont

    return ImageFont.load_default(size=FONT)
