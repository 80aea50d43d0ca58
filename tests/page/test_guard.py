"""Laws of the server's safety: each request that must not get through does not."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest

from asgi import PORT, Answer, ask
from mel_debug.page.guard import MOST_BODY_BYTES, POLICY, Guard

OWN = f"http://127.0.0.1:{PORT}"


async def echo(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """An application that reads the body and says which path it was asked for."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture
def guard() -> Guard:
    return Guard(echo, PORT)


def cookie_of(guard: Guard) -> tuple[str, str]:
    return "cookie", f"other=1; {guard.cookie}={guard.cookie_value}"


def change(guard: Guard, *headers: tuple[str, str], **more: Any) -> Answer:
    """A change as the page sends it, but for these headers."""
    usual = {
        "content-type": "application/json",
        "x-mel-debug-token": guard.page_token,
        "sec-fetch-site": "same-origin",
        "origin": OWN,
        "cookie": cookie_of(guard)[1],
    }
    given = [(name, value) for name, value in {**usual, **dict(headers)}.items() if value]
    return ask(guard, "/api/marks/add", *given, method="POST", body=b"{}", **more)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1:9",
        "127.0.0.1",
        f"0.0.0.0:{PORT}",
        "",
        None,
    ],
)
@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/album", "/no-such-page"])
def test_another_host_gets_nothing_from_any_route(
    guard: Guard, host: str | None, path: str
) -> None:
    """A site whose name resolves to this machine sends its own name as Host (DNS rebinding)."""
    answer = ask(guard, path, cookie_of(guard), host=host)
    assert answer.status == 421
    assert path.encode() != answer.body


def test_the_link_of_another_host_stays_unused(guard: Guard) -> None:
    link = guard.link.removeprefix(guard.origin)
    assert ask(guard, link, host="evil.example").status == 421
    assert ask(guard, link).status == 200


def test_two_hosts_are_refused(guard: Guard) -> None:
    assert ask(guard, "/", ("host", "evil.example"), cookie_of(guard)).status == 400


def test_the_link_opens_once_and_becomes_a_cookie(guard: Guard) -> None:
    """The cookie is unreadable for scripts and not sent by other sites."""
    link = guard.link.removeprefix(guard.origin)
    first = ask(guard, link)
    assert first.status == 200
    name, _, rest = first.headers["set-cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert {"HttpOnly", "SameSite=Strict"} <= set(attributes)
    assert ask(guard, "/api/album", ("cookie", f"{name}={value}")).body == b"/api/album"
    assert ask(guard, link).status == 403
    assert guard.page_token not in first.body.decode()


def test_the_link_leaves_the_address_bar(guard: Guard) -> None:
    """By a page, not a redirect, which would hold back the cookie after a click on another site."""
    first = ask(guard, guard.link.removeprefix(guard.origin))
    assert b'<meta http-equiv="refresh" content="0;url=/">' in first.body
    assert first.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("cookie", ["", "mel-debug-8123=", "mel-debug-8123=wrong", "mel-debug-1=x"])
def test_without_the_cookie_nothing_is_shown(guard: Guard, cookie: str) -> None:
    headers = [("cookie", cookie)] if cookie else []
    answer = ask(guard, "/api/album", *headers)
    assert answer.status == 403
    assert answer.body != b"/api/album"


def test_another_token_opens_nothing(guard: Guard) -> None:
    assert ask(guard, "/?token=guessed").status == 403
    assert ask(guard, "/?token=").status == 403
    assert ask(guard, f"/api/album?token={guard.link_token}").status == 403


def test_the_path_that_counts_is_the_one_that_is_routed(guard: Guard) -> None:
    """Not one that is put together from Host."""
    answer = ask(guard, "/api/album", host=f"127.0.0.1:{PORT}/?token={guard.link_token}")
    assert answer.status == 421


def test_the_page_itself_may_change_something(guard: Guard) -> None:
    assert change(guard).status == 200


def test_an_older_browser_is_known_by_its_origin(guard: Guard) -> None:
    assert change(guard, ("sec-fetch-site", "")).status == 200
    assert change(guard, ("sec-fetch-site", ""), ("origin", "")).status == 403
    assert change(guard, ("sec-fetch-site", ""), ("origin", "http://evil.example")).status == 403
    assert change(guard, ("sec-fetch-site", ""), ("origin", f"{OWN}.evil.example")).status == 403


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("content-type", "text/plain", 415),
        ("content-type", "application/x-www-form-urlencoded", 415),
        ("content-type", "", 415),
        ("x-mel-debug-token", "", 403),
        ("x-mel-debug-token", "guessed", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "none", 403),
        ("cookie", "", 403),
    ],
)
def test_a_change_needs_all_that_only_the_page_can_send(
    guard: Guard, header: str, value: str, status: int
) -> None:
    assert change(guard, (header, value)).status == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_changes_are_posts(guard: Guard, method: str) -> None:
    """OPTIONS too: there are no CORS headers."""
    answer = ask(guard, "/api/marks/add", cookie_of(guard), method=method)
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_another_site_cannot_embed_photos(guard: Guard) -> None:
    site = ("sec-fetch-site", "cross-site")
    assert ask(guard, "/api/photos/0/preview.jpg", cookie_of(guard), site).status == 403
    same = ("sec-fetch-site", "same-origin")
    assert ask(guard, "/api/photos/0/preview.jpg", cookie_of(guard), same).status == 200


def test_a_large_body_is_refused(guard: Guard) -> None:
    usual = [
        ("content-type", "application/json"),
        ("x-mel-debug-token", guard.page_token),
        ("sec-fetch-site", "same-origin"),
        cookie_of(guard),
    ]
    body = json.dumps("x" * MOST_BODY_BYTES).encode()
    assert ask(guard, "/api/find", *usual, method="POST", body=body).status == 413


@pytest.mark.parametrize("cookie", [True, False])
def test_every_answer_has_the_policy(guard: Guard, cookie: bool) -> None:
    """Also that of a refusal; nothing is stored by the browser, and no other site may frame it."""
    answer = ask(guard, "/", *([cookie_of(guard)] if cookie else []))
    assert answer.headers["content-security-policy"] == POLICY
    assert POLICY.startswith("default-src 'none';")
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_tokens_differ_between_runs() -> None:
    one, other = Guard(echo, PORT), Guard(echo, PORT)
    tokens = {one.link_token, one.cookie_value, one.page_token, other.link_token}
    assert len({*tokens, other.cookie_value, other.page_token}) == 6
