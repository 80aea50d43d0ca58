"""Opening the page from a command."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mel_debug.api.settings import Settings
    from mel_debug.plugins.config import RunConfig


def show_page(
    photos: Sequence[Path],
    settings: "RunConfig | Settings",
    mode: Literal["find", "review", "explore"],
    **options: Any,
) -> None:
    """Serve the page until Ctrl-C; `options` are those of `mel_debug.page.open_page`.

    Raises MelError without the extra `page`.
    """
    from mel_debug.page import open_page

    open_page(photos, settings=settings, mode=mode, **options)
