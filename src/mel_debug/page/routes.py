"""The routes of the page: its files, photos, features, maps and searches."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from mel_debug.core.errors import MelError, UsageError, text_of
from mel_debug.core.geometry import Size
from mel_debug.page.album import Album
from mel_debug.page.answers import answer_of
from mel_debug.page.finding import PageFinder
from mel_debug.page.guard import Refused
from mel_debug.page.marking import Marking
from mel_debug.page.requests import body_of, number_in, point_in, text_in
from mel_debug.page.summary import album_json
from mel_debug.page.worker import Superseded, Urgency, Worker

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Media types of the static files by suffix; files of other suffixes are not served."""

TICK_SECONDS = 0.5
"""How often an open page's connection looks for changes and for the end of the server."""


@dataclass(slots=True)
class Pages:
    """How many pages are open, whether the server is stopping, and the state of all marks."""

    stopping: bool = False
    ever: bool = False
    count: int = 0
    state: object = None


@dataclass(slots=True)
class Routes:
    """The handlers of one server; `page_token` is that of its guard."""

    album: Album
    finder: PageFinder
    worker: Worker
    marking: Marking
    facts: Mapping[str, Any]
    pages: Pages = field(default_factory=Pages)
    page_token: str = ""

    def app(self) -> Starlette:
        """The application of these routes."""
        photo = "/api/photos/{number:int}"
        routes: list[BaseRoute] = [
            Route("/", partial(_static, "index.html")),
            Route("/static/{name}", self.static),
            Route("/api/album", self.summary),
            Route("/api/events", self.events),
            Route(f"{photo}/preview.jpg", self.preview),
            Route(f"{photo}/tiles/{{level:int}}/{{column:int}}/{{row:int}}.jpg", self.tile),
            Route(f"{photo}/region.jpg", self.region),
            Route(f"{photo}/features", self.features),
            Route("/api/maps/{source:int}/{target:int}", self.map),
            Route("/api/find", self.find, methods=["POST"]),
            *self.marking.routes(),
        ]
        return Starlette(routes=routes, exception_handlers=HANDLERS)

    async def static(self, request: Request) -> Response:
        return await _static(request.path_params["name"], request)

    async def summary(self, _: Request) -> Response:
        facts = await run_in_threadpool(album_json, self.album)
        return JSONResponse({**self.facts, **facts, "token": self.page_token})

    async def preview(self, request: Request) -> Response:
        return await _picture(self.album.preview, request.path_params["number"])

    async def tile(self, request: Request) -> Response:
        place = request.path_params
        return await _picture(
            self.album.tile, place["number"], place["level"], place["column"], place["row"]
        )

    async def region(self, request: Request) -> Response:
        number = request.path_params["number"]
        x, y, width, height = (_whole(request, name) for name in ("x", "y", "width", "height"))
        if min(width, height) < 1:
            raise UsageError("a region has at least 1 pixel")
        return await _picture(self.album.region, number, x, y, Size(width, height))

    async def features(self, request: Request) -> Response:
        number = request.path_params["number"]
        work = partial(self.finder.features, number)
        packed = await self._done(self.worker.submit(Urgency.FEATURES, work))
        data = await run_in_threadpool(packed.as_bytes)
        return Response(data, media_type="application/octet-stream")

    async def map(self, request: Request) -> Response:
        pair = request.path_params["source"], request.path_params["target"]
        work = partial(self.finder.sampled_map, *pair, self._answer_meanwhile)
        sampled = await self._done(self.worker.submit(Urgency.MAP, work))
        return JSONResponse({"map": None if sampled is None else sampled.as_json()})

    async def find(self, request: Request) -> Response:
        """Search for a place; a newer search of the same page takes the place of a waiting one.

        While the photos are being matched, the answer is provisional; a search that asks for the
        `final` one waits.
        """
        asked = await body_of(request)
        pair = source, target = number_in(asked, "source"), number_in(asked, "target")
        point = point_in(asked)
        uuid = text_in(asked, "uuid") or "mole"
        urgency = Urgency.MAP if asked.get("final") is True else Urgency.PLACE
        self.worker.submit(urgency, partial(self.finder.prepare, *pair, self._answer_meanwhile))

        def work() -> dict[str, Any]:
            found = self.finder.find(source, point, target, uuid)
            return answer_of(found, provisional=self.finder.is_matching(source, target))

        client = text_in(asked, "client")
        answer = await self._done(self.worker.submit(urgency, work, client))
        return JSONResponse(answer)

    def _answer_meanwhile(self) -> None:
        """Answer searches inside the long job of matching two photos."""
        self.worker.run_waiting(Urgency.PLACE)

    async def _done(self, future: "Future[T]") -> T:
        """The result of a job of the worker; the server can stop meanwhile."""
        waiting = asyncio.wrap_future(future)
        while not self.pages.stopping:
            done, _ = await asyncio.wait([waiting], timeout=TICK_SECONDS)
            if done:
                return waiting.result()
        waiting.cancel()
        raise Refused(503, "The server is stopping.")

    async def events(self, _: Request) -> Response:
        """A stream with a line for each change of marks; it also shows that a page is open."""
        return StreamingResponse(self._news(), media_type="text/event-stream")

    async def _news(self) -> AsyncIterator[str]:
        pages = self.pages
        pages.ever, pages.count = True, pages.count + 1
        try:
            known, silent = pages.state, 0
            yield "retry: 1000\n\n"
            while not pages.stopping:
                await asyncio.sleep(TICK_SECONDS)
                silent += 1
                if pages.state != known:
                    known, silent = pages.state, 0
                    yield "event: marks\ndata: changed\n\n"
                elif silent * TICK_SECONDS > 10:
                    silent = 0
                    yield ": still here\n\n"
        finally:
            pages.count -= 1


async def _static(name: str, _: Request) -> Response:
    place = files("mel_debug.page") / "static"
    known = {entry.name: entry for entry in place.iterdir()}
    kind = KINDS.get("." + name.rpartition(".")[2])
    if name not in known or kind is None:
        return _error(404, f"there is no file {name!r}")
    return Response(known[name].read_bytes(), media_type=kind)


async def _picture(make: Callable[..., bytes], *arguments: Any) -> Response:
    return Response(await run_in_threadpool(make, *arguments), media_type="image/jpeg")


def _whole(request: Request, name: str) -> int:
    try:
        return int(request.query_params[name])
    except (KeyError, ValueError) as error:
        raise UsageError(f"{name} is not a whole number") from error


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def _failed(_: Request, error: Exception) -> Response:
    return _error(500, text_of(error))


async def on_mel_error(_: Request, error: Exception) -> Response:
    """An error for users as JSON."""
    return _error(400, text_of(error))


async def on_superseded(_: Request, __: Exception) -> Response:
    """A search that was dropped: the page has asked for another meanwhile."""
    return JSONResponse({"superseded": True}, 409)


async def on_refused(_: Request, error: Exception) -> Response:
    return _error(error.status if isinstance(error, Refused) else 503, str(error))


HANDLERS: dict[Any, Any] = {
    MelError: on_mel_error,
    Superseded: on_superseded,
    Refused: on_refused,
    Exception: _failed,
}
