"""Laws of replacing a file: what it has besides its content stays, and what others write too."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mel_debug.core.errors import MelError
from mel_debug.files import rewriting
from mel_debug.files.exchange import exchanged
from mel_debug.files.rewriting import replace_unchanged, take_snapshot

NOBODY = 65534
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def path() -> Iterator[Path]:
    """A file to be replaced, in a folder that other users get to as well."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        file = Path(folder).resolve() / "file"
        file.write_bytes(b"old")
        yield file


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def rewrite(path: Path) -> None:
    assert replace_unchanged(path, take_snapshot(path), b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == [path.name]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o777, 0o2755, 0o220])
def test_permissions_stay(path: Path, mode: int) -> None:
    path.chmod(mode)
    if os.access(path, os.R_OK):
        rewrite(path)
        assert path.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
def test_owner_and_group_stay(path: Path) -> None:
    os.chown(path, NOBODY, 12345)
    rewrite(path)
    assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, 12345)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes here")
def test_extended_attributes_stay(path: Path) -> None:
    """Access control lists are such attributes too."""
    # Version 2; owner rw-, user 1234 r--, group r--, mask r--, others ---.
    entries = [(1, 6, 0xFFFFFFFF), (2, 4, 1234), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF)]
    entries.append((32, 0, 0xFFFFFFFF))
    acl = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, bits, who in entries
    )
    given = {"user.note": b"\0kept\xff", "system.posix_acl_access": acl}
    try:
        for name, value in given.items():
            os.setxattr(path, name, value)
    except OSError as error:
        pytest.skip(f"the file system keeps no such attributes: {error}")
    rewrite(path)
    assert {name: os.getxattr(path, name) for name in os.listxattr(path)} == given


def test_where_files_cannot_be_swapped_the_file_is_replaced(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the same comparison, and with all that it had."""
    monkeypatch.setattr(rewriting, "exchanged", lambda *_: False)
    path.chmod(0o640)
    before = take_snapshot(path)
    rewrite(path)
    assert path.stat().st_mode & 0o7777 == 0o640
    assert not replace_unchanged(path, before, b"newer")
    assert path.read_bytes() == b"new"


AS_NOBODY = """
import os, sys
from pathlib import Path
from mel_debug.core.errors import MelError
from mel_debug.files.rewriting import check_rewritable, replace_unchanged, take_snapshot
path = Path(sys.argv[1])
snapshot = take_snapshot(path)
os.setgid(65534)
os.setuid(65534)
try:
    check_rewritable(path, snapshot)
    print("True")
except MelError as error:
    print(error)
try:
    print(replace_unchanged(path, snapshot, b"new"))
except MelError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(not IS_ROOT, reason="only root can be another")
@pytest.mark.parametrize(
    ("owner", "mode", "complaint"),
    [
        (NOBODY, 0o644, "True"),
        (0, 0o666, "belongs to another user"),
        (0, 0o644, "is read-only"),
    ],
)
def test_a_file_of_another_user_is_refused_rather_than_taken_over(
    path: Path, owner: int, mode: int, complaint: str
) -> None:
    """Whoever may write the folder could replace it, but not give it back to its owner."""
    os.chown(path, owner, owner)
    path.chmod(mode)
    script = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(path)], capture_output=True, text=True, check=False
    )
    if "Permission denied" in script.stdout + script.stderr:
        pytest.skip("another user can't get to Python or to the folder")
    checked, replaced = script.stdout.splitlines()
    assert complaint in checked, script
    assert complaint in replaced, script
    assert path.read_bytes() == (b"new" if complaint == "True" else b"old")
    assert names(path.parent) == [path.name]


@pytest.mark.parametrize("mode", [0o444, 0o400])
def test_a_read_only_file_is_refused_even_to_root(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(MelError, match="is read-only"):
        replace_unchanged(path, take_snapshot(path), b"new")
    assert path.read_bytes() == b"old"


def test_a_file_with_several_names_is_refused(path: Path) -> None:
    """All names keep the same content."""
    other = path.with_name("other")
    other.hardlink_to(path)
    with pytest.raises(MelError, match="has 2 names"):
        replace_unchanged(path, take_snapshot(path), b"new")
    assert path.samefile(other)
    assert path.read_bytes() == b"old"


def in_place(path: Path) -> None:
    path.write_bytes(b"another")


def by_a_rename(path: Path) -> None:
    beside = path.with_name("beside")
    beside.write_bytes(b"another")
    beside.replace(path)


@pytest.mark.parametrize("write", [in_place, by_a_rename, Path.unlink, Path.touch])
def test_a_file_that_changed_is_left_alone(path: Path, write: Callable[[Path], None]) -> None:
    """What another program wrote since it was read stays."""
    before = take_snapshot(path)
    time.sleep(0.02)  # a clock tick of coarse file systems
    write(path)
    left = path.read_bytes() if path.exists() else None
    assert not replace_unchanged(path, before, b"new")
    assert (path.read_bytes() if path.exists() else None) == left
    assert names(path.parent) == ([] if left is None else [path.name])


def test_a_file_that_appeared_is_left_alone(path: Path) -> None:
    assert not replace_unchanged(path, None, b"new")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("write", [in_place, by_a_rename])
def test_a_write_between_the_check_and_the_swap_is_put_back(
    path: Path, write: Callable[[Path], None]
) -> None:
    """The last moment: the file was compared already when the other program writes."""
    before = take_snapshot(path)
    assert before is not None
    temporary = path.with_name("temporary")
    temporary.write_bytes(b"new")
    if not exchanged(temporary, path):
        pytest.skip("files can't be swapped here")
    assert exchanged(temporary, path)
    write(path)
    assert not rewriting._swapped(temporary, path, before, b"new")
    assert path.read_bytes() == b"another"


def test_swapping_files_loses_neither(tmp_path: Path) -> None:
    """While two files exchange names continuously, both names always exist."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    if not exchanged(first, second):
        pytest.skip("files can't be swapped here")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            exchanged(first, second)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        seen = [first.read_bytes() for _ in range(2000)]
    finally:
        stop.set()
        thread.join()
    assert set(seen) <= {b"1", b"2"}
    assert {first.read_bytes(), second.read_bytes()} == {b"1", b"2"}
