"""Laws of stored digests: they are never wrong, and a large file is read once."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from mel_debug.cache import digests as module
from mel_debug.cache.digests import Digests
from mel_debug.core.errors import UsageError


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests of new files are stored at once, so that tests need not wait."""
    monkeypatch.setattr(module, "SETTLED_SECONDS", -1.0)


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    read: list[Path] = []

    def digest(path: Path) -> str:
        read.append(path)
        return sha256(path.read_bytes())

    monkeypatch.setattr(module, "file_digest", digest)
    return read


@pytest.mark.usefixtures("settled")
def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by other runs, and under another name of the same file."""
    read = count_reads(monkeypatch)
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    link = tmp_path / "link.pt"
    link.symlink_to(weights)
    for path in (weights, weights, link):
        assert Digests(tmp_path / "cache").of(path) == sha256(b"weights")
    assert len(read) == 1


@pytest.mark.usefixtures("settled")
def test_changed_content_has_a_new_digest(tmp_path: Path) -> None:
    """Even with the same size and with the modification time set back."""
    digests = Digests(tmp_path / "cache")
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"before")
    digests.of(weights)
    status = weights.stat()
    time.sleep(0.05)
    weights.write_bytes(b"after!")
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digests.of(weights) == sha256(b"after!")
    other = tmp_path / "other.pt"
    other.write_bytes(b"third!")
    other.replace(weights)
    assert digests.of(weights) == sha256(b"third!")


def test_the_digest_of_a_file_that_just_changed_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change again within the resolution of its times."""
    read = count_reads(monkeypatch)
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    for _ in range(2):
        Digests(tmp_path / "cache").of(weights)
    assert len(read) == 2


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b"\xff", b'{"path": 1, "state": 2}'])
def test_a_damaged_record_is_replaced(tmp_path: Path, damage: bytes) -> None:
    """And the digest is computed again."""
    digests = Digests(tmp_path / "cache")
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    digests.of(weights)
    (note,) = digests.folder.iterdir()
    whole = note.read_bytes()
    note.write_bytes(damage)
    assert digests.of(weights) == sha256(b"weights")
    assert note.read_bytes() == whole


def test_without_a_writable_folder_digests_are_right(tmp_path: Path) -> None:
    """They are computed each time."""
    (tmp_path / "file").touch()
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    assert Digests(tmp_path / "file").of(weights) == sha256(b"weights")


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    """It names the file."""
    with pytest.raises(UsageError, match=r"gone\.pt"):
        Digests(tmp_path).of(tmp_path / "gone.pt")
