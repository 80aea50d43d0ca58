"""The safety of the server: which requests reach the application, and headers of all responses."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER = b"x-mel-debug-token"
"""The request header with the page's token; a form of another site cannot set it."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of all responses."""

_HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),  # photos of skin stay out of the browser's cache on disk
)

_TEXT, _HTML = b"text/plain; charset=utf-8", b"text/html; charset=utf-8"

MOST_BODY_BYTES = 100_000
"""Largest body of a request; the page sends less than a kilobyte."""

_ENTERED = (
    '<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>mel-debug</title>'
    '<meta http-equiv="refresh" content="0;url=/"><p><a href="/">Open the page</a></p></html>'
)
"""The answer to the link: a redirect would count as coming from where the link was clicked, and
browsers then hold back a cookie with SameSite=Strict."""


class Refused(Exception):  # noqa: N818 - a refusal is no fault of the program
    """A request that must not reach the application, with the status code of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def not_ready(_: Scope, __: Receive, ___: Send) -> None:
    """An application that is not there yet."""
    raise Refused(503, "The server is starting.")


def _random() -> str:
    return secrets.token_urlsafe(24)


@dataclass(slots=True)
class Guard:
    """Passes requests of the page to an application, and refuses all others.

    The first visit of `link` sets a cookie and uses up the link. All other requests need that
    cookie, and a known `Host`. Requests that may change something are JSON, carry `page_token` in a
    header, and come from the page's own origin. `app` may be set later, before the first request.
    """

    app: App
    port: int
    link_token: str | None = field(default_factory=_random)
    cookie_value: str = field(default_factory=_random)
    page_token: str = field(default_factory=_random)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        """The address that opens the page once."""
        return f"{self.origin}/?token={self.link_token}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The values of `Host` that are answered.

        The name of another site that resolves to this machine (DNS rebinding) is none of them.
        """
        names = ("127.0.0.1", "localhost")
        ports = [f"{name}:{self.port}" for name in names]
        return (*ports, *names) if self.port == 80 else tuple(ports)

    @property
    def cookie(self) -> str:
        """The name of the cookie; browsers share cookies among the ports of a machine."""
        return f"mel-debug-{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see ASGI."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the page has no {scope['type']}")

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            entering = self._check(scope)
            if entering:
                self.link_token = None
                await _answer(send_with_headers, 200, _ENTERED, self._set_cookie())
            else:
                await self.app(scope, _limited(receive), send_with_headers)
        except Refused as refused:
            text = f"{refused}\n"
            await _answer(
                send_with_headers, refused.status, text, kind=b"text/plain; charset=utf-8"
            )

    def _check(self, scope: Scope) -> bool:
        """Return whether the request uses the link. Raises Refused."""
        headers = _Headers(scope)
        if headers.only(b"host") not in self.hosts:
            raise Refused(421, "This server answers to 127.0.0.1 only.")
        if scope["method"] in ("GET", "HEAD"):
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
            if scope["path"] == "/" and given and scope["method"] == "GET" and self._opens(given):
                return True
            is_start = scope["path"] == "/"
            if not is_start and headers.only(b"sec-fetch-site") not in (None, "same-origin"):
                raise Refused(403, "Only the page itself may read this.")
        self._check_cookie(headers)
        if scope["method"] not in ("GET", "HEAD"):
            self._check_change(scope, headers)
        return False

    def _opens(self, given: list[str]) -> bool:
        return self.link_token is not None and secrets.compare_digest(
            given[0].encode(), self.link_token.encode()
        )

    def _check_cookie(self, headers: "_Headers") -> None:
        pairs = [part.strip().partition("=") for part in headers.joined(b"cookie").split(";")]
        values = [value for name, _, value in pairs if name == self.cookie]
        if not any(
            secrets.compare_digest(value.encode(), self.cookie_value.encode()) for value in values
        ):
            raise Refused(
                403,
                "This page opens with the link that mel-debug printed, once. "
                "To open it again, stop mel-debug and start it anew.",
            )

    def _check_change(self, scope: Scope, headers: "_Headers") -> None:
        if scope["method"] != "POST":
            raise Refused(405, "Changes are sent as POST.")
        kind = (headers.only(b"content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Refused(415, "Changes are sent as JSON.")
        token = headers.only(HEADER) or ""
        if not secrets.compare_digest(token.encode(), self.page_token.encode()):
            raise Refused(403, "Changes need the token of the page.")
        site, origin = headers.only(b"sec-fetch-site"), headers.only(b"origin")
        own = {f"http://{host}" for host in self.hosts}
        if site not in (None, "same-origin") or (site is None and origin not in own):
            raise Refused(403, "Only the page itself may change something.")

    def _set_cookie(self) -> tuple[bytes, bytes]:
        text = f"{self.cookie}={self.cookie_value}; HttpOnly; SameSite=Strict; Path=/"
        return b"set-cookie", text.encode()


@dataclass(frozen=True, slots=True)
class _Headers:
    scope: Scope

    def only(self, name: bytes) -> str | None:
        """The value of a header; None if it is missing. Raises Refused if it is repeated."""
        values = [value for key, value in self.scope["headers"] if key == name]
        if len(values) > 1:
            raise Refused(400, f"The header {name.decode()} occurs twice.")
        return values[0].decode("latin-1") if values else None

    def joined(self, name: bytes) -> str:
        values = (value.decode("latin-1") for key, value in self.scope["headers"] if key == name)
        return "; ".join(values)


def _limited(receive: Receive) -> Receive:
    """Receive a body of at most `MOST_BODY_BYTES`. Raises Refused for a larger one."""
    received = 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MOST_BODY_BYTES:
            raise Refused(413, "The request is too large.")
        return message

    return limited


async def _answer(
    send: Send,
    status: int,
    text: str,
    *headers: tuple[bytes, bytes],
    kind: bytes = _HTML,
) -> None:
    body = text.encode()
    length = str(len(body)).encode()
    fields = [(b"content-type", kind), (b"content-length", length), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
