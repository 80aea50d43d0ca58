"""Requests to an ASGI application in this process, with exactly the headers that a test gives."""

import asyncio
import json
from collections.abc import Awaitable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mel_debug.page.guard import App

PORT = 8123


@dataclass(frozen=True)
class Answer:
    """What the application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def _ran(work: Awaitable[None]) -> None:
    await work


def ask(
    app: App,
    target: str,
    *headers: tuple[str, str],
    method: str = "GET",
    body: bytes = b"",
    host: str | None = f"127.0.0.1:{PORT}",
) -> Answer:
    """Send one request and return the whole answer."""
    path, _, query = target.partition("?")
    given = [*headers] if host is None else [("host", host), *headers]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", PORT),
    }
    sent: list[MutableMapping[str, Any]] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    # In a thread of its own: while Playwright is in use, this thread has a running loop.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: asyncio.run(_ran(app(scope, receive, send)))).result()
    start = next(message for message in sent if message["type"] == "http.response.start")
    fields = {name.decode(): value.decode() for name, value in start["headers"]}
    parts = (message["body"] for message in sent if message["type"] == "http.response.body")
    return Answer(start["status"], fields, b"".join(parts))
