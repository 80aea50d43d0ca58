"""A page of pictures with captions, as one HTML file beside them."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.atomic import write_atomically

_STYLE = (
    "body{font:16px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "figure{margin:2rem 0}img{max-width:100%;border:1px solid #ccc}"
    "figcaption{color:#444}pre{overflow-x:auto;font-size:14px}"
)


def made_folder(folder: Path) -> None:
    """Make a folder if it is not there. Raises MelError when it can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MelError(f"{folder} can't be made ({error.strerror}); choose another") from error


def write_page(
    folder: Path, title: str, pictures: Sequence[tuple[str, str]], text: str = ""
) -> Path:
    """Write `index.html` with a text and pictures (file name, caption); returns its path."""
    figures = "\n".join(
        f'<figure><img src="{escape(name)}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for name, caption in pictures
    )
    page = folder / "index.html"
    html = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        f"</title><style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f"<pre>{escape(text)}</pre>\n{figures}\n</body></html>\n"
    )
    write_atomically(page, html.encode())
    return page
