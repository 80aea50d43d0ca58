"""Starting and stopping the page: a port of this machine, its address, the browser."""

import asyncio
import contextlib
import signal
import socket
import sys
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from mel_debug.core.errors import MelError, Terminated, UsageError

if TYPE_CHECKING:
    import uvicorn

    from mel_debug.files.outputs import OutputGuard
    from mel_debug.page.finding import PageFinder
    from mel_debug.page.routes import Routes
    from mel_debug.plugins.config import RunConfig

Mode = Literal["find", "review", "explore"]

GRACE_SECONDS = 5.0
"""How long to wait after the last page was closed: reloading a page closes it, too."""

LAST_SECONDS = 2
"""How long requests may take to end when the server stops."""

JOB_SECONDS = 10.0
"""How long features or a map that are being computed then may take: two photos of 25 megapixels are
matched in 5 s, and a map ends after its next round."""


def open_page(  # noqa: PLR0913 - the seam of several commands, all by keyword
    photos: Sequence[Path],
    *,
    settings: "RunConfig | Mapping[str, Any]",
    mode: Mode,
    port: int = 0,
    browser: bool = True,
    read_only: bool = False,
    exit_with_page: bool = False,
    use_masks: bool = True,
) -> None:
    """Serve the page with these photos on 127.0.0.1 until Ctrl-C.

    `settings` are those of a `Finder`: a config, or `Settings` by name. `mode` is what the page
    shows first. `port` 0 is any free port. Prints the address on standard output, and opens it in
    the browser if `browser`. With `read_only` no marks are changed. With `exit_with_page` it also
    ends after the last page was closed.

    Raises UsageError for a wrong setting, a missing photo or a port in use, MelError without the
    extra `page`, and Terminated after SIGTERM.
    """
    check_installed()
    from mel_debug.page.guard import Guard, not_ready
    from mel_debug.page.memory import limit_heaps

    limit_heaps()
    finder = _finder(photos, settings, use_masks=use_masks)
    with contextlib.closing(_listening(port)) as listening:
        guard = Guard(not_ready, listening.getsockname()[1])
        # The browser starts while the rest is imported; its first request waits in the socket.
        _announce(guard.link, browser=browser)
        routes = _routes(finder, mode, guard.page_token, read_only=read_only)
        guard.app = routes.app()
        try:
            asyncio.run(_serve(guard, routes, listening, exit_with_page=exit_with_page))
        finally:
            routes.worker.stop(JOB_SECONDS)


def save_page(
    photos: Sequence[Path],
    output: Path,
    *,
    settings: "RunConfig | Mapping[str, Any]",
    guard: "OutputGuard",
    use_masks: bool = True,
) -> None:
    """Write the page as one file; see `saving.save_page`."""
    check_installed()
    from mel_debug.page import saving

    saving.save_page(photos, output, settings=settings, guard=guard, use_masks=use_masks)


def check_installed() -> None:
    """Raise MelError if the extra `page` is missing."""
    from importlib.util import find_spec

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise MelError("the page needs Starlette and uvicorn; try: pip install 'mel-debug[page]'")


def _finder(
    photos: Sequence[Path], settings: "RunConfig | Mapping[str, Any]", *, use_masks: bool
) -> "PageFinder":
    """The album of the photos, and what computes for it. Raises all errors of the arguments."""
    from mel_debug.page.album import PREVIEW_MADE, Album
    from mel_debug.page.finding import PageFinder, run_of

    run = run_of(settings)
    stored = None
    if run.cache is not None:
        from mel_debug.cache.shown import ShownPreviews

        stored = ShownPreviews(run.cache, PREVIEW_MADE)
    album = Album(tuple(photos), use_masks, stored)
    for number in range(len(photos)):
        album.size(number)  # reads the headers, so that errors come before the browser opens
    return PageFinder(run, album)


def _routes(finder: "PageFinder", mode: Mode, page_token: str, *, read_only: bool) -> "Routes":
    from mel_debug.page.worker import Urgency, Worker

    worker, album = Worker(), finder.album
    for number in range(min(2, len(album.paths))):  # those that the page shows first
        worker.submit(Urgency.FEATURES, partial(finder.load, number))

    from mel_debug.marking.runs import Run
    from mel_debug.page.marking import Marking
    from mel_debug.page.routes import Routes

    facts = {"mode": mode, "readOnly": read_only, "model": finder.run.extractor.name}
    marking = Marking(album, Run(mode), read_only)
    return Routes(album, finder, worker, marking, facts, page_token=page_token)


def _listening(port: int) -> socket.socket:
    """A socket of this machine only. Raises UsageError for a port that is in use."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.platform != "win32"))
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"`port` {port} can't be used ({reason}); choose another") from error
    return listening


def _announce(link: str, *, browser: bool) -> None:
    """Print the address, and open it."""
    from mel_debug.console.terminal import echo_line

    echo_line(link)
    if browser and not webbrowser.open(link):
        echo_line("No browser was found; open the address above in one.", err=True)
    echo_line("Press Ctrl-C to stop.", err=True)


async def _serve(
    guard: Any, routes: "Routes", listening: socket.socket, *, exit_with_page: bool
) -> None:
    import uvicorn

    config = uvicorn.Config(
        guard,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    server = _server(config)
    with _stopped_by_signals(server, routes):
        watching = asyncio.create_task(_watch(server, routes, exit_with_page=exit_with_page))
        await server.serve(sockets=[listening])
        watching.cancel()


def _server(config: "uvicorn.Config") -> "uvicorn.Server":
    import uvicorn

    class Server(uvicorn.Server):
        """One whose signals are handled by `_stopped_by_signals`."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(config)


@contextlib.contextmanager
def _stopped_by_signals(server: "uvicorn.Server", routes: "Routes") -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end the server in order; the latter two raise Terminated."""
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        routes.pages.stopping = True
        server.should_exit = True
        server.force_exit = len(received) > 1

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if any(number != signal.SIGINT for number in received):
        raise Terminated


async def _watch(server: "uvicorn.Server", routes: "Routes", *, exit_with_page: bool) -> None:
    """End the server some time after the last page was closed, and look for changed marks."""
    alone = 0.0
    while True:
        await asyncio.sleep(0.5)
        routes.pages.state = await asyncio.to_thread(routes.marking.state)
        alone = alone + 0.5 if routes.pages.ever and not routes.pages.count else 0.0
        if exit_with_page and alone >= GRACE_SECONDS:
            routes.pages.stopping = True
            server.should_exit = True
