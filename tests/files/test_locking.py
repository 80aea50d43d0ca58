"""Laws of the lock beside a file."""

import multiprocessing
import time
from pathlib import Path

import pytest

from markers import hold
from mel_debug.core.errors import MelError
from mel_debug.files.locking import lock_path, locked

spawn = multiprocessing.get_context("spawn")


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(0.01)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """Neither after the work nor after an error in it."""
    path = tmp_path / "photo.jpg.json"
    with locked(path):
        assert lock_path(path).exists()
    with pytest.raises(ValueError, match="no"), locked(path):
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_second_process_waits_and_then_fails_with_the_lock_file(tmp_path: Path) -> None:
    """For as long as it has patience; the message names the file."""
    path, held = tmp_path / "photo.jpg.json", tmp_path / "held"
    process = spawn.Process(target=hold, args=(path, held, 60))
    process.start()
    try:
        wait_for(held)
        complaint = pytest.raises(MelError, match=r"photo\.jpg\.json has been locked")
        with complaint, locked(path, patience=0.2):
            pass
    finally:
        process.kill()
        process.join()


@pytest.mark.slow
def test_a_killed_process_holds_no_lock(tmp_path: Path) -> None:
    """Its lock file has no effect and is removed by the next lock."""
    path, held = tmp_path / "photo.jpg.json", tmp_path / "held"
    process = spawn.Process(target=hold, args=(path, held, 60))
    process.start()
    wait_for(held)
    process.kill()
    process.join()
    assert lock_path(path).exists()
    with locked(path, patience=5):
        pass
    assert not lock_path(path).exists()


def test_a_folder_without_write_access_is_an_error(tmp_path: Path) -> None:
    """In one line that names the file."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "photo.jpg.json"
    with pytest.raises(MelError, match=r"photo\.jpg\.json can't be locked"), locked(path):
        pass
