"""Rewriting a moles file under a lock, without losing what other programs write to it."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError
from mel_debug.core.mole import Mole
from mel_debug.files.atomic import remove_unfinished
from mel_debug.files.exact_json import DuplicateKeyError, array_of, elements, laid_out
from mel_debug.files.json_text import decoded, encoded_like
from mel_debug.files.locking import locked
from mel_debug.files.marks import entries_of
from mel_debug.files.rewriting import (
    Snapshot,
    check_rewritable,
    remove_unchanged,
    replace_unchanged,
    take_snapshot,
)

SETTLE_SECONDS = 0.1
"""Invalid JSON that has not changed for this long is damaged, not just being written."""

SYNCED_TRIES = 8
"""Attempts in which the new file is synced before it replaces the old one. A sync takes some
milliseconds, in which a program that writes continuously changes the file again every time; later
attempts sync after the replacement."""

PATIENCE_SECONDS = 20.0
"""How long to retry while another program keeps changing the file."""

BeforeWriting = Callable[[Path, bytes | None, bytes | None], None]
"""Called directly before each attempt to write, with the path and the file's old and new bytes;
None stands for no file."""


@dataclass(frozen=True, slots=True)
class MolesFile:
    """A moles file as it was read; without a snapshot the file does not exist.

    `text` has Unix line ends and no byte order mark.
    """

    path: Path
    snapshot: Snapshot | None
    text: str
    moles: list[Mole]

    @classmethod
    def of(cls, snapshot: Snapshot | None, path: Path) -> "MolesFile":
        """Raises MelError for a file that is not a list of moles."""
        file = cls.of_data(None if snapshot is None else snapshot.data, path)
        return replace(file, snapshot=snapshot)

    @classmethod
    def of_data(cls, data: bytes | None, path: Path) -> "MolesFile":
        """A file of these bytes at the path, whatever is there; None stands for no file.

        Raises MelError for bytes that are not a list of moles.
        """
        if data is None:
            return cls(path, None, "[]", [])
        text = decoded(data, path).replace("\r\n", "\n")
        return cls(path, None, text, [mole for mole, _ in entries_of(text, path)])

    @property
    def data(self) -> bytes | None:
        """The file's bytes."""
        return None if self.snapshot is None else self.snapshot.data

    def entries(self) -> Iterator[tuple[Any, str]]:
        """The entries: the value of each, and its text in `mel`'s layout.

        Raises MelError if an object has a key twice.
        """
        try:
            for entry, begin, end in elements(self.text, unique_keys=True):
                yield entry, laid_out(entry, self.text[begin:end])
        except DuplicateKeyError as error:
            raise MelError(
                f"{self.path}: {error}; remove one of them, as a rewrite would lose its value"
            ) from error

    def with_texts(self, texts: Iterable[str]) -> bytes:
        """The bytes of the file with the entries of these texts, which are in `mel`'s layout."""
        return encoded_like(array_of(texts) + "\n", self.data or b"")


def read_complete(path: Path, until: float | None = None) -> MolesFile:
    """The moles file once no program is in the middle of writing it. Raises MelError."""
    until = time.monotonic() + PATIENCE_SECONDS if until is None else until
    snapshot = take_snapshot(path)
    while True:
        try:
            return MolesFile.of(snapshot, path)
        except MelError:
            time.sleep(SETTLE_SECONDS)
            if snapshot is None or snapshot.is_current(path) or time.monotonic() > until:
                raise
            snapshot = take_snapshot(path)


def rewrite(
    path: Path,
    change: Callable[[MolesFile], bytes | None],
    before_writing: BeforeWriting | None = None,
) -> None:
    """Replace a moles file by what `change` returns for it, or create it.

    `path` must not be a link. `change` gets the file as read under its lock, directly before it is
    written, and is called again if a program that takes no lock changes the file meanwhile. If it
    returns the bytes that are there already, or None for a file that does not exist, nothing is
    written; None removes the file. What it raises is passed on.

    The file is replaced atomically and is on disk when this returns. It keeps its owner, group,
    permissions and extended attributes. Raises MelError for a file that is damaged, read-only, has
    several hard links, or never stops changing.
    """
    with locked(path):
        remove_unfinished(path)
        until = time.monotonic() + PATIENCE_SECONDS
        tries = 0
        while time.monotonic() < until:
            old = read_complete(path, until)
            new = change(old)
            if new == old.data:
                return
            if before_writing is not None:
                before_writing(path, old.data, new)
            tries += 1
            if _written(old, new, sync_first=tries <= SYNCED_TRIES):
                return
    raise MelError(f"{path} is changed continuously by another program; stop it and run again")


def _written(old: MolesFile, new: bytes | None, *, sync_first: bool) -> bool:
    if new is not None:
        return replace_unchanged(old.path, old.snapshot, new, sync_first=sync_first)
    assert old.snapshot is not None  # noqa: S101 - `new` differs from the old bytes
    return remove_unchanged(old.path, old.snapshot)


def check_rewrite(path: Path) -> None:
    """Raise MelError if `rewrite` would refuse the file as it is now. Changes nothing."""
    with locked(path):
        old = read_complete(path)
        old.with_texts(text for _, text in old.entries())  # finds keys that occur twice
        check_rewritable(path, old.snapshot)
