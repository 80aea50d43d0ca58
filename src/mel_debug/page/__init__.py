"""The local page: a server on 127.0.0.1 with static files for the browser, or one saved file."""

from mel_debug.page.opening import Mode, open_page, save_page

__all__ = ["Mode", "open_page", "save_page"]
