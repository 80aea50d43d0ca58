"""Laws of the store of artifacts: a folder is complete or absent, and only our own is removed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mel_debug.cache.artifacts import ABANDONED_SECONDS, HASHED_BYTES, MANIFEST, ArtifactStore
from mel_debug.core.errors import MelError

KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    """A store whose folder does not exist yet."""
    return ArtifactStore(tmp_path / "store", lambda path: path.name)


def save(folder: Path) -> None:
    """Files of a small model, one of them in a folder of its own."""
    (folder / "model.xml").write_text("<net/>")
    (folder / "weights").mkdir()
    (folder / "weights" / "0.bin").write_bytes(b"0123")


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_is_stored_is_found_and_nothing_else(store: ArtifactStore) -> None:
    assert store.find(KEY) is None
    folder = store.store(KEY, save)
    assert store.find(KEY) == folder
    assert store.find(OTHER) is None
    assert names(folder) == {"model.xml", "weights/0.bin", MANIFEST}


def test_a_store_that_was_moved_or_copied_is_still_found(
    store: ArtifactStore, tmp_path: Path
) -> None:
    store.store(KEY, save)
    shutil.copytree(store.folder, tmp_path / "copy")
    assert ArtifactStore(tmp_path / "copy", str).find(KEY) == tmp_path / "copy" / KEY


def _truncate(folder: Path) -> None:
    (folder / "weights" / "0.bin").write_bytes(b"012")


def _change(folder: Path) -> None:
    (folder / "model.xml").write_text("<ten/>")


def _remove(folder: Path) -> None:
    (folder / "model.xml").unlink()


def _replace_by_a_folder(folder: Path) -> None:
    (folder / "model.xml").unlink()
    (folder / "model.xml").mkdir()


def _empty_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text("{}")


def _foreign_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text('{"made_by": "others", "files": {}}')


def _odd_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text('{"made_by": "mel-debug", "files": {}, "later": 1}')


@pytest.mark.parametrize(
    "damage",
    [
        _truncate,
        _change,
        _remove,
        _replace_by_a_folder,
        _empty_manifest,
        _foreign_manifest,
        _odd_manifest,
    ],
)
def test_a_damaged_folder_is_not_found_and_is_replaced(
    store: ArtifactStore, damage: Callable[[Path], None]
) -> None:
    folder = store.store(KEY, save)
    damage(folder)
    assert store.find(KEY) is None
    assert store.store(KEY, save) == folder
    assert store.find(KEY) == folder
    assert [path.name for path in store.folder.iterdir()] == [KEY]


def test_large_files_are_verified_by_size(store: ArtifactStore) -> None:
    """Reading hundreds of megabytes at each start would take longer than it is worth."""

    def large(folder: Path) -> None:
        with (folder / "model.bin").open("wb") as file:
            file.truncate(HASHED_BYTES + 1)

    folder = store.store(KEY, large)
    with (folder / "model.bin").open("r+b") as file:
        file.write(b"changed")
    assert store.find(KEY) == folder
    with (folder / "model.bin").open("r+b") as file:
        file.truncate(HASHED_BYTES + 2)
    assert store.find(KEY) is None


def test_files_that_a_stage_adds_later_leave_the_folder_intact(store: ArtifactStore) -> None:
    folder = store.store(KEY, save, later=("compiled/*.blob",))
    (folder / "compiled").mkdir()
    (folder / "compiled" / "1.blob").write_bytes(b"compiled")
    assert store.find(KEY) == folder


def test_an_error_while_saving_leaves_nothing(store: ArtifactStore) -> None:
    """Errors of the disk are MelErrors; others pass as they are."""

    def full(folder: Path) -> None:
        save(folder)
        raise OSError(28, "No space left on device")

    def broken(folder: Path) -> None:
        save(folder)
        raise KeyError

    with pytest.raises(MelError, match="No space left"):
        store.store(KEY, full)
    with pytest.raises(KeyError):
        store.store(KEY, broken)
    assert list(store.folder.iterdir()) == []


def test_a_store_that_cannot_be_written_is_a_mel_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MelError, match="can't be written"):
        ArtifactStore(tmp_path / "file", str).store(KEY, save)


@pytest.mark.parametrize("key", ["", "a", "../" + "a" * 61, "A" * 64])
def test_a_key_that_is_no_digest_is_refused(store: ArtifactStore, key: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.find(key)
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        store.store(key, save)


def test_two_writers_at_once_leave_one_complete_folder(store: ArtifactStore) -> None:
    """The second one to finish uses the folder of the first."""
    gate = threading.Barrier(2)

    def together(folder: Path) -> None:
        save(folder)
        gate.wait(30)

    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(store.store(KEY, together))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [store.folder / KEY] * 2
    assert store.find(KEY) == store.folder / KEY
    assert [path.name for path in store.folder.iterdir()] == [KEY]


_KILLED = """
import os, signal, sys
from pathlib import Path
from mel_debug.cache.artifacts import ArtifactStore

def save(folder):
    (folder / "model.xml").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

ArtifactStore(Path(sys.argv[1]), str).store("a" * 64, save)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_what_a_killed_writer_left_is_never_found_and_is_removed_in_the_end(
    store: ArtifactStore,
) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(store.folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (part,) = store.folder.iterdir()
    assert store.find(KEY) is None
    assert [entry.folder for entry in store.entries()] == [part]
    store.store(OTHER, save)
    assert part.exists()  # its writer could still be at work
    old = time.time() - ABANDONED_SECONDS - 60
    os.utime(part, (old, old))
    store.store(KEY, save)
    assert sorted(path.name for path in store.folder.iterdir()) == [KEY, OTHER]


def test_discarded_folders_are_gone(store: ArtifactStore) -> None:
    store.discard(KEY)
    store.store(KEY, save)
    store.discard(KEY)
    assert store.find(KEY) is None
    assert list(store.folder.iterdir()) == []


def test_sizes_are_those_of_all_own_files(store: ArtifactStore) -> None:
    folder = store.store(KEY, save, later=("compiled/*.blob",))
    (folder / "compiled").mkdir()
    (folder / "compiled" / "1.blob").write_bytes(b"12345")
    (folder / "theirs.txt").write_bytes(b"theirs")
    (entry,) = store.entries()
    assert entry.size == 6 + 4 + 5 + (folder / MANIFEST).stat().st_size


def test_clearing_removes_only_what_the_store_wrote(store: ArtifactStore) -> None:
    """Other files stay wherever they are; so do folders of others and links to ours."""
    folder = store.store(KEY, save, later=("compiled/*.blob",))
    (folder / "compiled").mkdir()
    (folder / "compiled" / "1.blob").write_bytes(b"compiled")
    (folder / "compiled" / "theirs.jpg").write_bytes(b"theirs")
    elsewhere = ArtifactStore(store.folder.parent / "elsewhere", str).store(OTHER, save)
    (store.folder / OTHER).symlink_to(elsewhere, target_is_directory=True)
    (store.folder / ("c" * 64)).mkdir()
    (store.folder / ("c" * 64) / "model.xml").write_text("theirs")
    (store.folder / "notes.txt").write_text("theirs")
    assert [entry.folder for entry in store.clear()] == [folder]
    left = {f"{KEY}/compiled/theirs.jpg", "c" * 64 + "/model.xml", "notes.txt"}
    assert names(store.folder) - {f"{OTHER}/{name}" for name in names(elsewhere)} == left
    assert len(names(elsewhere)) == 3
    assert store.entries() == []


def test_a_store_without_a_folder_is_empty(store: ArtifactStore) -> None:
    assert store.entries() == []
    assert store.clear() == []
    assert not store.folder.exists()
