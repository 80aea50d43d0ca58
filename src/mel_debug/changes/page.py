"""A page with aligned crops and a blink comparator, in one HTML file without a network."""

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from mel_debug.core.types import Pixels
from mel_debug.files.html_text import in_html
from mel_debug.files.marker import PAGE_MARK

SMALL_PRINT = (
    "It shows and measures; it does not judge moles. If one worries you, show it to a doctor."
)

QUALITY = 90
"""JPEG quality of crops; 20 kB at 320 pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A crop on the page, (side, side, 3), or None with the reason in the caption.

    `label` names it in the comparator and `caption` stands under it. A `doubtful` one is dashed.
    """

    label: str
    caption: str
    pixels: Pixels | None
    doubtful: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A place on the page: a heading, a sentence, and its pictures, which can be blinked."""

    heading: str
    text: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Entries under a heading, or the sentence `empty` without any."""

    heading: str
    entries: tuple[Entry, ...]
    empty: str = "none"


def page_html(
    title: str, intro: str, sections: Sequence[Section], table: Sequence[Sequence[str]] = ()
) -> str:
    """The page; `table` has the head in its first row. All texts are escaped."""
    style, script = (_asset(f"comparator.{kind}") for kind in ("css", "js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    several = sum(len(section.entries) for section in sections) > 1
    body = "\n".join(_section(section, several=several) for section in sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{PAGE_MARK}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<title>{in_html(title)}</title><style>{style}</style></head>\n"
        f"<body><header><h1>{in_html(title)}</h1><p>{in_html(intro)}</p>"
        f'<p class="soft">{SMALL_PRINT}</p></header>\n<main>\n{_VIEWER}\n{body}\n'
        f"{_table(table)}\n</main>\n<script>{script}</script></body></html>\n"
    )


_VIEWER = """<section class="viewer" id="viewer" aria-label="Comparator" hidden>
<div class="stage"><img id="before" alt=""><img id="after" alt=""><canvas id="difference" hidden
 role="img" aria-label="Difference of the two crops"></canvas></div>
<div class="controls"><h2 id="chosen"></h2>
<label>First <select id="one"></select></label>
<label>Second <select id="two"></select></label>
<div><button id="flip" type="button" aria-pressed="false">Hold to see the second
 (<kbd>B</kbd>)</button></div>
<label>Fade <input id="fade" type="range" min="0" max="100" value="0"></label>
<label><input id="differ" type="checkbox"> Difference, three times enlarged (<kbd>D</kbd>)</label>
<p id="said" class="soft" role="status"></p></div></section>"""


def _section(section: Section, *, several: bool) -> str:
    entries = "\n".join(_entry(entry, several=several) for entry in section.entries)
    inner = entries or f"<p>{in_html(section.empty)}</p>"
    return f"<section><h2>{in_html(section.heading)}</h2>\n{inner}</section>"


def _entry(entry: Entry, *, several: bool) -> str:
    button = '<button type="button" class="show" hidden>Compare</button>' if several else ""
    figures = "".join(map(_figure, entry.pictures))
    return (
        f'<section class="entry"><h3>{in_html(entry.heading)}</h3><p>{in_html(entry.text)}</p>'
        f'{button}<div class="strip">{figures}</div></section>'
    )


def _figure(picture: Picture) -> str:
    caption = "<br>".join(in_html(line) for line in picture.caption.split("\n"))
    kind = ' class="soft-edge"' if picture.doubtful else ""
    if picture.pixels is None:
        shown = '<div class="none">no picture</div>'
    else:
        shown = (
            f'<img src="{_data_url(picture.pixels)}" alt="{in_html(picture.label)}" '
            f'data-label="{in_html(picture.label)}">'
        )
    return f"<figure{kind}>{shown}<figcaption>{caption}</figcaption></figure>"


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{in_html(cell)}</th>' for cell in rows[0])
    lines = "\n".join(
        f"<tr>{''.join(f'<td>{in_html(cell)}</td>' for cell in row)}</tr>" for row in rows[1:]
    )
    return (
        f'<section><h2>Table</h2><div class="table" tabindex="0" role="region" aria-label="Table">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div></section>"
    )


def _data_url(pixels: Pixels) -> str:
    from PIL import Image

    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=QUALITY, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.getvalue()).decode()}"


def _asset(name: str) -> str:
    return (files("mel_debug.changes") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A hash as Content-Security-Policy level 2 writes it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
