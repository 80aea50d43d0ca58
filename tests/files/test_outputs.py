"""Laws of which files may be written: inputs never, those of others only if forced."""

import os
import re
import socket
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.discovery import PHOTO_SUFFIXES
from mel_debug.files.marker import is_drawn
from mel_debug.files.outputs import OutputGuard, check_apart, check_place
from mel_debug.files.pictures import write_picture
from workbench import save, skin

NAMES = re.compile(r"[0-9]+\.jpg")
FORMATS = [".jpg", ".jpeg", ".png", ".gif", ".tif", ".webp", ".bmp", ".avif", ".jp2"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo with marks, a mask and marks under another stem."""
    path = save(skin(32, 24), tmp_path / "x.jpg")
    for ending in (".json", ".mask.png", ".other.json"):
        Path(f"{path}{ending}").write_bytes(b"theirs")
    return path


def refused(guard: OutputGuard, path: Path) -> str:
    """The message for a picture that must not be written; nothing changes."""
    before = {each: each.read_bytes() for each in path.parent.glob("*") if each.is_file()}
    with pytest.raises(UsageError) as caught:
        guard.check_picture(path)
    assert {each: each.read_bytes() for each in before} == before
    assert caught.value.exit_code == 2
    return str(caught.value)


def by_hard_link(path: Path) -> Path:
    link = path.parent / "hard.jpg"
    os.link(path, link)
    return link


def by_link(path: Path) -> Path:
    link = path.parent / "soft.jpg"
    link.symlink_to(path)
    return link


def by_detour(path: Path) -> Path:
    (path.parent / "folder").mkdir()
    return path.parent / "folder" / ".." / path.name


def by_linked_folder(path: Path) -> Path:
    link = path.parent / "linked"
    link.symlink_to(path.parent, target_is_directory=True)
    return link / path.name


WAYS: list[Callable[[Path], Path]] = [
    Path, by_link, by_hard_link, by_detour, by_linked_folder,
]  # fmt: skip


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("ending", ["", ".json", ".mask.png", ".other.json"])
@pytest.mark.parametrize("way", WAYS)
def test_inputs_and_what_lies_beside_them_are_never_written(
    photo: Path, way: Callable[[Path], Path], ending: str, *, force: bool
) -> None:
    """By any path, also with `force`."""
    guard = OutputGuard((photo,), force)
    assert "choose another name" in refused(guard, way(Path(f"{photo}{ending}")))


@pytest.mark.parametrize("force", [False, True])
def test_an_input_that_was_drawn_earlier_is_an_input(tmp_path: Path, *, force: bool) -> None:
    """A picture drawn by mel-debug may be an input too."""
    path = tmp_path / "found.jpg"
    write_picture(path, skin(32, 24))
    assert "is an input file" in refused(OutputGuard((path,), force), path)
    OutputGuard().check_picture(path)


@pytest.mark.parametrize("ending", ["json", "mask.png", "a.json", "a.b.json"])
@pytest.mark.parametrize("force", [False, True])
def test_the_names_of_marks_and_masks_are_reserved(
    tmp_path: Path, ending: str, *, force: bool
) -> None:
    """Of any photo, whether the command reads it or not, also of those that do not exist yet."""
    name = f"x.jpg.{ending}"
    save(skin(32, 24), tmp_path / "x.jpg")
    assert "is a name for marks or the mask" in refused(OutputGuard(force=force), tmp_path / name)
    with pytest.raises(UsageError, match="is a name for marks or the mask"):
        OutputGuard(force=force).check_folder(tmp_path / name, NAMES)
    OutputGuard().check_picture(tmp_path / name.replace("x.jpg", "y.jpg"))


def test_marks_of_an_input_without_a_usual_suffix_are_reserved(tmp_path: Path) -> None:
    """A photo that is named counts, whatever it is called."""
    photo = save(skin(32, 24), tmp_path / "scan.png").rename(tmp_path / "scan.dat")
    refused(OutputGuard((photo,)), tmp_path / "scan.dat.json")
    OutputGuard().check_picture(tmp_path / "scan.dat.json")


def test_a_picture_beside_a_photo_can_be_drawn_again(tmp_path: Path) -> None:
    """Under a name that starts with the photo's; files of others are not replaced."""
    photo = save(skin(32, 24), tmp_path / "x.jpg")
    guard, found = OutputGuard((photo,)), tmp_path / "x.jpg.found.png"
    guard.check_picture(found)
    found.write_bytes(b"theirs")
    refused(OutputGuard(force=True), found)


def test_files_of_others_are_replaced_only_if_forced(tmp_path: Path) -> None:
    """A photo, or anything else; an empty file has nothing to lose."""
    theirs, empty = save(skin(32, 24), tmp_path / "theirs.jpg"), tmp_path / "empty.jpg"
    empty.touch()
    assert "use `force`" in refused(OutputGuard(), theirs)
    OutputGuard(force=True).check_picture(theirs)
    OutputGuard().check_picture(empty)


def test_a_photo_in_a_folder_that_is_read_is_not_replaced_by_force(tmp_path: Path) -> None:
    """Nor through a hard link from elsewhere."""
    folder = tmp_path / "photos"
    folder.mkdir()
    photo = save(skin(32, 24), folder / "pck.png")
    os.link(photo, tmp_path / "link.png")
    guard = OutputGuard((folder,), force=True)
    for path in (photo, tmp_path / "link.png"):
        assert "is an input file" in refused(guard, path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_was_drawn_is_recognised_and_drawn_again(tmp_path: Path, suffix: str) -> None:
    """In every usual format, however large; the picture itself stays readable."""
    path = tmp_path / f"found{suffix}"
    picture = skin(640, 480)
    write_picture(path, picture)
    assert is_drawn(path)
    with Image.open(path) as image:
        shown = np.asarray(image.convert("RGB"), dtype=float)
    assert np.abs(shown - picture).mean() < 12
    write_picture(path, picture, guard=OutputGuard())


@pytest.mark.slow
def test_every_format_that_can_be_written_can_be_drawn_again(tmp_path: Path) -> None:
    """Those without a place for comments too; a picture of a report is never taken for a photo."""
    picture = skin(64, 48)
    written = []
    for suffix in {*Image.registered_extensions(), *PHOTO_SUFFIXES}:
        path = tmp_path / f"found{suffix}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow is about to drop some formats
                write_picture(path, picture)
                write_picture(path, picture, guard=OutputGuard())
        except MelError:
            continue
        written.append(suffix)
        assert is_drawn(path), suffix
        if suffix in PHOTO_SUFFIXES:
            with Image.open(path) as image:
                image.load()
    assert {".jpg", ".mpo", ".ppm", ".pgm", ".tga"} <= set(written)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_photo_is_not_taken_for_drawn(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(skin(64, 48)).save(path)
    assert not is_drawn(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipes_sockets_devices_and_folders_are_refused_at_once(tmp_path: Path) -> None:
    """Nothing is opened that could wait for ever."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "device.jpg").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.jpg"))
        for name, kind in (
            ("pipe", "a pipe"), ("folder", "a folder"), ("device", "a device"), ("s", "a socket"),
        ):  # fmt: skip
            with pytest.raises(UsageError, match=f"is {kind}"):
                OutputGuard(force=True).check_picture(tmp_path / f"{name}.jpg")
    assert not is_drawn(tmp_path / "pipe.jpg")


def test_links_that_lead_to_themselves_are_an_error_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    with pytest.raises(MelError, match=r"a\.jpg can't be written"):
        OutputGuard().check_picture(tmp_path / "a.jpg")


def test_a_name_too_long_for_the_system_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(MelError, match="can't be written"):
        OutputGuard().check_picture(tmp_path / ("a" * 300 + ".jpg"))


def test_a_folder_is_checked_for_each_name_that_could_be_written(tmp_path: Path) -> None:
    """Before anything is computed; other files in it do not matter."""
    folder = tmp_path / "report"
    OutputGuard().check_folder(folder, NAMES)
    assert not folder.exists()
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    write_picture(folder / "1.jpg", skin(32, 24))
    OutputGuard().check_folder(folder, NAMES)
    save(skin(32, 24), folder / "2.jpg")
    with pytest.raises(UsageError, match=r"2\.jpg exists"):
        OutputGuard().check_folder(folder, NAMES)
    OutputGuard(force=True).check_folder(folder, NAMES)


@pytest.mark.parametrize("name", ["melroot", "MELROOT"])
def test_the_file_that_makes_a_repository_is_never_written(tmp_path: Path, name: str) -> None:
    """It is often empty, but has a meaning all the same."""
    (tmp_path / name).touch()
    assert "repository" in refused(OutputGuard(force=True), tmp_path / name)


def test_two_outputs_are_never_one_file(tmp_path: Path) -> None:
    """Whatever the way to it; the later would replace the earlier."""
    (tmp_path / "inner").mkdir()
    check_apart({"plots": tmp_path, "gallery": None, "state": tmp_path / "inner"})
    by_detour = tmp_path / "inner" / ".." / "new"
    with pytest.raises(UsageError, match=r"`plots` and `gallery`.*give two places"):
        check_apart({"plots": tmp_path / "new", "gallery": by_detour})
    with pytest.raises(UsageError, match="`state` and `output`"):
        check_apart({"state": tmp_path / "inner", "output": by_linked_folder(tmp_path / "inner")})


def test_a_folder_inside_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="file is a file; give a folder"):
        OutputGuard().check_folder(tmp_path / "file" / "report", NAMES)


def test_a_place_in_a_folder_that_can_not_be_entered_is_an_error_in_words(
    tmp_path: Path, become_another_user: Callable[[], None]
) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    become_another_user()
    for place in (tmp_path / "closed", tmp_path / "closed" / "new" / "inner"):
        with pytest.raises(MelError, match="can't be written"):
            check_place(place)
