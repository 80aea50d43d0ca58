"""A real browser, and a real server of the page, for tests."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright

from children import default_signals
from workbench import settings

REQUIRED = "MEL_DEBUG_REQUIRE_BROWSER"
"""Environment variable: 1 makes tests fail instead of being skipped where there is no browser."""

PATIENCE_MS = 180_000
"""How long a test waits for what a busy machine computes."""


def launch(playwright: Playwright) -> Browser:
    """Chromium: that of CHROMIUM, of the system, or Playwright's own; else the test is skipped."""
    names = (os.environ.get("CHROMIUM"), "chromium", "google-chrome")
    found = next((path for path in map(shutil.which, filter(None, names)) if path), None)
    # Chromium refuses to run as root with its sandbox; containers of CI are root.
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = ["--no-sandbox"] if is_root else []
    try:
        return playwright.chromium.launch(executable_path=found, args=arguments)
    except Error as error:
        reason = f"no Chromium was found or it does not start: {str(error).splitlines()[0]}"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(reason)
        pytest.skip(f"{reason}; install chromium, or set CHROMIUM")


@dataclass
class Server:
    """A server process, and the link that opens its page once."""

    process: subprocess.Popen[str]
    link: str

    @property
    def port(self) -> int:
        return int(self.link.split(":")[2].split("/")[0])

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; returns the exit code and standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@contextmanager
def served(
    *arguments: str | Path, command: str = "explore", env: dict[str, str] | None = None
) -> Iterator[Server]:
    """A command that serves the page, in a process of its own that has ended after the block."""
    clean = {name: value for name, value in os.environ.items() if name not in settings()}
    given = [sys.executable, "-m", "mel_debug", command, *map(str, arguments), "--no-browser"]
    with default_signals():
        process = subprocess.Popen(
            given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**clean, "MEL_DEBUG_PLUGINS": "", **(env or {})},
        )
    try:
        assert process.stdout is not None
        yield Server(process, process.stdout.readline().strip())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def opened(browser: Browser, link: str, *, held: str | None = None, **options: Any) -> Page:
    """A page in a context of its own, ready to hover and click; errors of its scripts fail.

    Requests for what matches the pattern `held` never reach the server.
    """
    options = {"viewport": {"width": 1280, "height": 800}, **options}
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    if held is not None:
        page.route(held, lambda _: None)
    page.goto(link)
    page.wait_for_url("**/")
    return page


def state(page: Page, expression: str) -> Any:
    """A value of the page's own object."""
    return page.evaluate(f"melDebug.{expression}")
