"""A page of queries whose answers stand side by side: a table, and panels for each query."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mel_debug.files.atomic import write_atomically
from mel_debug.files.html_text import in_html, url_of
from mel_debug.files.marker import PAGE_MARK
from mel_debug.files.outputs import PAGE, OutputGuard

STYLE = Path(__file__).with_name("comparison.css")


@dataclass(frozen=True, slots=True)
class Panel:
    """One crop of a strip: a heading, a sentence, and a kind: `mole`, `truth`, `good` or `bad`."""

    title: str
    words: str
    kind: str


@dataclass(frozen=True, slots=True)
class Query:
    """One query: its title, where it was searched, and a strip with a crop for each panel.

    `strip` is the name of a file beside the page, as `write_strip` writes it.
    """

    title: str
    words: str
    strip: str
    panels: tuple[Panel, ...]


def write_comparison(
    folder: Path,
    title: str,
    table: Sequence[Sequence[str]],
    notes: Sequence[str],
    queries: Sequence[Query],
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Write `index.html`: a title, a table with its head, notes, and the queries; returns its path.

    Control characters and lone surrogates in texts are escaped. Raises UsageError if the guard does
    not allow an existing page to be replaced, and MelError if writing fails.
    """
    head, *rows = table
    cells = "".join(f'<th scope="col">{in_html(cell)}</th>' for cell in head)
    lines = "".join(
        f"<tr>{''.join(f'<td>{in_html(cell)}</td>' for cell in row)}</tr>\n" for row in rows
    )
    html = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{PAGE_MARK}'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{in_html(title)}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>\n"
        f'<body><h1>{in_html(title)}</h1>\n<div class="scroll" tabindex="0"><table>\n'
        f"<thead><tr>{cells}</tr></thead>\n<tbody>{lines}</tbody></table></div>\n"
        + "".join(f"<p>{in_html(note)}</p>\n" for note in notes)
        + "".join(map(_section, queries))
        + "</body></html>\n"
    )
    page = folder / PAGE
    if guard is not None:
        guard.check_page(page)
    write_atomically(page, html.encode())
    return page


def _section(query: Query) -> str:
    last = max(1, len(query.panels) - 1)
    panels = "".join(
        _figure(panel, query.strip, number / last) for number, panel in enumerate(query.panels)
    )
    return (
        f"<section><h2>{in_html(query.title)}</h2><p>{in_html(query.words)}</p>\n"
        f'<div class="panels">{panels}</div></section>\n'
    )


def _figure(panel: Panel, strip: str, share: float) -> str:
    """A square that shows one crop of the strip: `share` is 0 for the first and 1 for the last."""
    return (
        f'<figure class="{panel.kind}"><img src="{url_of(strip)}" loading="lazy" '
        f'style="object-position:{100 * share:.3f}% 0" '
        f'alt="{in_html(panel.title)}: {in_html(panel.words)}">'
        f"<figcaption><b>{in_html(panel.title)}</b> {in_html(panel.words)}</figcaption></figure>\n"
    )
