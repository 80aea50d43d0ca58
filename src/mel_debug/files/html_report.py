"""An HTML report: one page with the pictures in its folder and their captions."""

from collections.abc import Sequence
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.atomic import write_atomically
from mel_debug.files.html_text import in_html, url_of
from mel_debug.files.marker import PAGE_MARK
from mel_debug.files.outputs import PAGE, OutputGuard

_STYLE = (
    "body{font:16px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "figure{margin:2rem 0}img{max-width:100%;border:1px solid #ccc}"
    "figcaption{color:#444}pre{overflow-x:auto;font-size:14px}"
)


def make_folder(folder: Path) -> None:
    """Create a folder if it does not exist. Raises MelError if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MelError(f"{folder} can't be created ({error.strerror}); choose another") from error


def write_page(
    folder: Path,
    title: str,
    pictures: Sequence[tuple[str, str]],
    text: str = "",
    *,
    guard: OutputGuard | None = None,
) -> Path:
    """Write `index.html` with a text and pictures (file name, caption); returns its path.

    Control characters and lone surrogates in titles, captions and text are escaped. Raises
    UsageError if the guard does not allow an existing page to be replaced, and MelError if writing
    fails.
    """
    figures = "\n".join(
        f'<figure><img src="{url_of(name)}" alt="{in_html(caption)}">'
        f"<figcaption>{in_html(caption)}</figcaption></figure>"
        for name, caption in pictures
    )
    lines = "\n".join(in_html(line) for line in text.split("\n"))
    html = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{PAGE_MARK}'
        f"<title>{in_html(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{in_html(title)}</h1>\n<pre>{lines}</pre>\n{figures}\n</body></html>\n"
    )
    page = folder / PAGE
    if guard is not None:
        guard.check_page(page)
    write_atomically(page, html.encode())
    return page
