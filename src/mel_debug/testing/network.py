"""Seeing and refusing use of the network, as far as Python's own sockets are used."""

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager

EVENTS = frozenset(
    (
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyaddr",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
    )
)
"""Audit events of Python's `socket` module that name another machine."""

_watches: list[list[str]] = []
"""Those under way; an audit hook cannot be removed, so it looks here whether to act."""


class NetworkError(ConnectionError):
    """The network was used where it may not be."""


@contextmanager
def network_refused() -> Iterator[list[str]]:
    """Inside, every use of the network raises NetworkError and is added to the list.

    Sockets of this machine's own file system are not the network. Connections made by compiled code
    without Python's sockets are not seen.
    """
    _install_hook()
    uses: list[str] = []
    _watches.append(uses)
    try:
        yield uses
    finally:
        _watches.remove(uses)


@functools.cache
def _install_hook() -> None:
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if not _watches or event not in EVENTS:
        return
    details = [argument for argument in arguments if isinstance(argument, str | int | tuple)]
    is_remote = event != "socket.connect" or isinstance(arguments[1], tuple)
    if is_remote:
        use = f"{event}({', '.join(map(repr, details))})"
        for uses in _watches:
            uses.append(use)
        raise NetworkError(f"the network is not to be used: {use}")
