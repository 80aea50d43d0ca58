"""A page of moles to look at: grouped by photo, with overviews, crops, and filters by outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mel_debug.core.geometry import Point, Size
from mel_debug.files.atomic import write_atomically
from mel_debug.files.crops import CROP_SIDE, GAP
from mel_debug.files.html_text import in_html, url_of
from mel_debug.files.marker import PAGE_MARK
from mel_debug.files.outputs import PAGE, OutputGuard

STYLE = Path(__file__).with_name("review.css")

SYMBOLS = (
    '<svg width="0" height="0" aria-hidden="true" class="symbols"><symbol id="cross" '
    'overflow="visible"><path d="M-75 0H-35M35 0H75M0 -75V-35M0 35V75"/></symbol></svg>'
)
"""A cross that leaves its centre free, so that the mole stays visible; in picture pixels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture beside the page: its file name, its size in pixels, and what it shows."""

    file: str
    size: Size
    alt: str


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign drawn over a crop: `cross`, `dashed` or `ring`.

    `colour` is a kind of card, `mole` or `truth`.
    `at` is in picture pixels of the crop, whose centre is the default. `radius` is that of a ring.
    """

    shape: str
    colour: str
    at: Point = field(default=Point(CROP_SIDE / 2, CROP_SIDE / 2))
    radius: float = 40.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One crop of a strip: its caption, and the signs over it."""

    caption: str
    signs: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """One mole: a headline, a badge with its kind, lines of text, and a strip of crops, if any.

    A strip has up to four panels.
    `kind` is `good`, `unsure`, `gone` or `bad`.
    """

    number: int
    kind: str
    title: str
    words: str
    lines: tuple[str, ...] = ()
    strip: Picture | None = None
    panels: tuple[Panel, ...] = ()


@dataclass(frozen=True, slots=True)
class Spot:
    """A numbered place of a card on an overview; x and y are shares of its sides."""

    card: Card
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Overview:
    """A whole photo, small, with the places of cards."""

    picture: Picture
    caption: str
    spots: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A photo with all its cards."""

    title: str
    summary: str
    cards: tuple[Card, ...]
    overviews: tuple[Overview, ...] = ()


def write_review(
    folder: Path,
    title: str,
    sections: Sequence[Section],
    kinds: Mapping[str, str],
    text: str = "",
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Write `index.html` with all sections; returns its path.

    `kinds` has the words for each kind of card, in the order of the filters. The page needs no
    script and nothing from elsewhere; browsers load its pictures as they come into view. Control
    characters and lone surrogates are escaped. Raises UsageError if the guard does not allow an
    existing page to be replaced, and MelError if writing fails.
    """
    page = folder / PAGE
    if guard is not None:
        guard.check_page(page)
    lines = "\n".join(in_html(line) for line in text.split("\n"))
    style = STYLE.read_text(encoding="utf-8")
    html = "\n".join(
        (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{PAGE_MARK}',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{in_html(title)}</title><style>{style}{_hiding(kinds)}</style></head>",
            f"<body>{SYMBOLS}<header><h1>{in_html(title)}</h1>",
            _filters(sections, kinds),
            _contents(sections),
            "</header><main>",
            *(_section(number, each, kinds) for number, each in enumerate(sections, 1)),
            f"</main><footer><h2>Summary</h2><pre>{lines}</pre>",
            "<p>This page finds places; it does not judge moles.</p></footer></body></html>\n",
        )
    )
    write_atomically(page, html.encode())
    return page


def _hiding(kinds: Mapping[str, str]) -> str:
    """Style that hides the cards of a kind whose box is not ticked."""
    return "".join(
        f"body:has(#show-{kind}:not(:checked)) .kind-{kind}{{display:none}}" for kind in kinds
    )


def _filters(sections: Sequence[Section], kinds: Mapping[str, str]) -> str:
    cards = [card.kind for section in sections for card in section.cards]
    boxes = [
        f'<label class="chip"><input type="checkbox" id="show-{kind}" checked> '
        f'<span class="dot {kind}"></span>{cards.count(kind)} {in_html(words)}</label>'
        for kind, words in kinds.items()
        if kind in cards
    ]
    if not boxes:
        return "<p>There is nothing to show.</p>"
    return f'<fieldset class="filters"><legend>Show</legend>{"".join(boxes)}</fieldset>'


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    links = "".join(
        f'<li><a href="#photo-{number}">{in_html(each.title)}</a> '
        f"<span>{in_html(each.summary)}</span></li>"
        for number, each in enumerate(sections, 1)
    )
    return f'<nav aria-label="Photos"><ol>{links}</ol></nav>'


def _section(number: int, section: Section, kinds: Mapping[str, str]) -> str:
    overviews = "".join(_overview(each) for each in section.overviews)
    cards = "".join(_card(card, kinds) for card in section.cards)
    return (
        f'<section id="photo-{number}"><h2>{in_html(section.title)}</h2>'
        f"<p>{in_html(section.summary)}</p>"
        + (f'<div class="overviews">{overviews}</div>' if overviews else "")
        + f'<ul class="cards">{cards}</ul></section>'
    )


def _overview(overview: Overview) -> str:
    size = overview.picture.size
    spots = "".join(
        f'<a href="#mole-{spot.card.number}" class="spot {spot.card.kind} '
        f'kind-{spot.card.kind}" style="left:{100 * spot.x:.2f}%;top:{100 * spot.y:.2f}%" '
        f'title="{in_html(spot.card.title)}">{spot.card.number}</a>'
        for spot in overview.spots
    )
    shape = "overview" if size.width >= size.height else "overview tall"
    return (
        f'<figure class="{shape}"><div class="picture">{_image(overview.picture)}{spots}'
        f"</div><figcaption>{in_html(overview.caption)}</figcaption></figure>"
    )


def _card(card: Card, kinds: Mapping[str, str]) -> str:
    lines = "".join(f"<p>{in_html(line)}</p>" for line in card.lines)
    wide = " wide" if len(card.panels) > 2 else ""
    return (
        f'<li class="card kind-{card.kind}{wide}" id="mole-{card.number}">{_strip(card)}'
        f'<div class="about"><h3><span class="number {card.kind}">{card.number}</span> '
        f"{in_html(card.title)}</h3>"
        f'<p class="words"><strong>{in_html(card.words)}</strong>'
        f' <span class="badge {card.kind}">{in_html(kinds[card.kind])}</span></p>{lines}</div></li>'
    )


def _strip(card: Card) -> str:
    if card.strip is None:
        return ""
    size = card.strip.size
    signs = "".join(
        _sign(sign, index * (CROP_SIDE + GAP))
        for index, panel in enumerate(card.panels)
        for sign in panel.signs
    )
    captions = "".join(f"<span>{in_html(panel.caption)}</span>" for panel in card.panels)
    return (
        f'<figure class="strip panels-{len(card.panels)}"><div class="picture">{_image(card.strip)}'
        f'<svg viewBox="0 0 {size.width} {size.height}" aria-hidden="true">{signs}</svg></div>'
        f"<figcaption>{captions}</figcaption></figure>"
    )


def _sign(sign: Sign, left: int) -> str:
    x, y = left + sign.at.x, sign.at.y
    colour = f"c-{sign.colour}"
    if sign.shape == "ring":
        where = f'cx="{x:.1f}" cy="{y:.1f}" r="{sign.radius:.1f}"'
        return f'<circle class="halo" {where}/><circle class="line {colour} dash" {where}/>'
    dash = " dash" if sign.shape == "dashed" else ""
    where = f'href="#cross" x="{x:.1f}" y="{y:.1f}"'
    return f'<use class="halo" {where}/><use class="line {colour}{dash}" {where}/>'


def _image(picture: Picture) -> str:
    size = picture.size
    return (
        f'<img src="{url_of(picture.file)}" width="{size.width}" height="{size.height}" '
        f'alt="{in_html(picture.alt)}" loading="lazy" decoding="async">'
    )
