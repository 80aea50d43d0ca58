"""Laws of writing files, pictures among them, whole or not at all."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.atomic import check_writable, write_atomically
from mel_debug.files.pictures import check_picture_path, write_picture
from workbench import run_python, save, skin

LENGTH = 3_000_000
WRITER = f"""
import sys
from pathlib import Path
from mel_debug.files.atomic import write_atomically
path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    write_atomically(path, b"b" * {LENGTH})
    write_atomically(path, b"a" * {LENGTH})
"""


def assert_whole(path: Path) -> None:
    """The file is all old or all new."""
    content = path.read_bytes()
    assert content in (b"a" * LENGTH, b"b" * LENGTH), (len(content), set(content))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_reader_never_sees_half_a_file(tmp_path: Path, seed: int) -> None:
    """Neither while it is written nor after the writer was killed."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * LENGTH)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        try:
            assert writer.stdout.readline() == b"ready\n"
            for _ in range(10):
                assert_whole(path)
            time.sleep(random.Random(seed).uniform(0, 0.05))
        finally:
            writer.kill()
    assert_whole(path)


def test_writing_replaces_all_of_the_old_content(tmp_path: Path) -> None:
    """A shorter file has no tail of the longer one, and nothing else is left in the folder."""
    path = tmp_path / "file"
    write_atomically(path, b"a long content")
    write_atomically(path, b"short")
    assert path.read_bytes() == b"short"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o777])
def test_a_file_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    """Who may read a file does not change because its content does."""
    path = tmp_path / "file"
    path.touch()
    path.chmod(mode)
    write_atomically(path, b"new")
    assert path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_gets_the_permissions_of_any_new_file(tmp_path: Path, umask: int) -> None:
    """They follow the umask, as for every program."""
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "ours", b"")
        (tmp_path / "usual").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from mel_debug.core.errors import MelError
from mel_debug.files.atomic import write_atomically
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path(sys.argv[1]), b"x" * 100_000)
except MelError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_write_that_fails_half_way_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """The old content stays, no temporary file does, and the error names the file."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    outcome = run_python("-c", DISK_FULL, str(path))
    assert outcome.code == 0, outcome.stderr
    assert f"{path} can't be written" in outcome.stdout
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def unwritable(folder: Path) -> list[Path]:
    """Paths where no user can create a file."""
    (folder / "a-file").touch()
    (folder / "a-folder").mkdir()
    return [folder / "nowhere" / "file.png", folder / "a-file" / "file.png", folder / "a-folder"]


@pytest.mark.parametrize("place", range(3))
def test_a_place_that_cannot_be_written_is_an_error_that_names_it(
    tmp_path: Path, place: int
) -> None:
    """Checking first and writing at once agree, and neither leaves anything behind."""
    path = unwritable(tmp_path)[place]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MelError) as checked:
        check_writable(path)
    with pytest.raises(MelError) as written:
        write_atomically(path, b"content")
    assert str(path) in str(checked.value)
    assert str(path) in str(written.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_checking_a_place_leaves_it_as_it_was(tmp_path: Path) -> None:
    """Neither an empty file nor a changed one."""
    path = tmp_path / "file.png"
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"old")
    check_writable(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tiff"])
def test_a_saved_picture_is_the_picture(tmp_path: Path, suffix: str) -> None:
    """Formats that lose nothing give back every pixel."""
    path = tmp_path / f"picture{suffix}"
    write_picture(path, skin(30, 20))
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), skin(30, 20))


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".JPG"])
def test_a_saved_jpeg_keeps_thin_coloured_lines(tmp_path: Path, suffix: str) -> None:
    """A line of one pixel is still green."""
    picture = np.full((32, 32, 3), 128, dtype=np.uint8)
    picture[16] = 0, 255, 0
    path = tmp_path / f"picture{suffix}"
    write_picture(path, picture)
    with Image.open(path) as image:
        assert image.format == "JPEG"
        line = np.asarray(image)[16].astype(int)
    assert np.abs(line - (0, 255, 0)).max() <= 40


@pytest.mark.parametrize("name", ["picture", "picture.xyz", "picture.json", ".jpg"])
def test_a_suffix_that_names_no_picture_format_is_a_usage_error(tmp_path: Path, name: str) -> None:
    """It is found before anything is computed, and nothing is written."""
    for attempt in (check_picture_path, lambda path: write_picture(path, skin(8, 8))):
        with pytest.raises(UsageError, match="not the suffix of a picture format"):
            attempt(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_too_large_for_its_format_is_an_error(tmp_path: Path) -> None:
    """A JPEG has at most 65,535 pixels a side; the old file stays."""
    path = save(skin(8, 8), tmp_path / "wide.jpg")
    before = path.read_bytes()
    with pytest.raises(MelError, match=r"wide\.jpg"):
        write_picture(path, np.zeros((1, 70_000, 3), dtype=np.uint8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
