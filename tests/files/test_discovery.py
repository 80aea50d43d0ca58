"""Laws of finding photos in folders."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mel_debug.core.errors import MelError, MelWarning
from mel_debug.files.discovery import find_photos
from mel_debug.files.pictures import write_picture
from workbench import save, skin


def touch(root: Path, *names: str) -> list[Path]:
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_folders_are_searched_for_photos_also_inside(tmp_path: Path) -> None:
    """Masks, marks, hidden files and hidden folders are none."""
    photos = touch(tmp_path, "a.jpg", "b/c.JPEG", "b/d.png", "b/e/f.tiff", "g.mask.jpg")
    touch(tmp_path, "a.jpg.json", "a.jpg.mask.png", "A.JPG.MASK.PNG", ".h.jpg", ".git/i.jpg", "x")
    assert sorted(find_photos([tmp_path])) == sorted(photos)


def test_of_a_mel_repository_the_photos_of_its_parts_count(tmp_path: Path) -> None:
    """Its other folders are searched only if they are given themselves."""
    rotomap = "rotomaps/parts/Trunk/Back/2025_06_10"
    photos = touch(tmp_path, f"{rotomap}/0.jpg", f"{rotomap}/1.jpg")
    touch(tmp_path, "melroot", "incoming/z.jpg", f"{rotomap}/0.jpg.mask.png")
    assert find_photos([tmp_path]) == photos
    assert find_photos([tmp_path / "rotomaps" / "parts" / "Trunk"]) == photos
    assert find_photos([tmp_path / "incoming"]) == [tmp_path / "incoming" / "z.jpg"]


def test_each_photo_comes_once_in_the_order_named(tmp_path: Path) -> None:
    """A file is included whatever its name."""
    odd, first, second = touch(tmp_path, "scan.dat", "a/1.jpg", "a/2.jpg")
    assert find_photos([second, odd, tmp_path / "a", first]) == [second, odd, first]


def test_no_photos_at_all_is_an_error_that_names_the_places(tmp_path: Path) -> None:
    """A command that finds nothing to do is an error."""
    with pytest.raises(MelError, match="no photos in"):
        find_photos([tmp_path])


def test_pictures_that_were_drawn_are_no_photos(tmp_path: Path) -> None:
    """Found in folders; a picture that is given itself is included. Similar photos are found."""
    drawn, photo = tmp_path / "report" / "0001-a.jpg", tmp_path / "b.jpg"
    drawn.parent.mkdir()
    write_picture(drawn, skin(32, 24))
    save(skin(32, 24), photo)
    assert find_photos([tmp_path]) == [photo]
    assert find_photos([drawn]) == [drawn]


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    """A link to a folder above must not lead in a circle, and two links to one folder are one."""
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    touch(root, "a/1.jpg")
    touch(elsewhere, "2.jpg")
    for name in ("first", "second"):
        (root / name).symlink_to(elsewhere)
    (root / "a" / "up").symlink_to(root)
    (root / "itself.jpg").symlink_to("itself.jpg")
    assert find_photos([root]) == [
        root / "itself.jpg",  # that it can't be read is said when it is read
        root / "a" / "1.jpg",
        root / "first" / "2.jpg",
    ]
    assert find_photos([root, root / "second", elsewhere]) == find_photos([root])


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.avif", "a.mpo", "a.jp2", "a.gif"])
def test_what_phones_and_cameras_write_is_found(tmp_path: Path, name: str) -> None:
    """Whether it can be read is checked later, when it is read."""
    assert find_photos([tmp_path, *touch(tmp_path, name)]) == [tmp_path / name]


def test_raw_photos_are_named_and_left_out(tmp_path: Path) -> None:
    """Most lie beside a JPEG of the same photo, so they are no error."""
    photos = touch(tmp_path, "1.jpg")
    touch(tmp_path, "1.CR2", "2.dng", ".3.nef")
    with pytest.warns(MelWarning, match=r"raw photos of cameras are left out \(1\.CR2, 2\.dng\)"):
        assert find_photos([tmp_path]) == photos


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read any folder"
)
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """Its photos are missing from the answer."""
    photos = touch(tmp_path, "1.jpg", "closed/2.jpg")
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.warns(MelWarning, match="closed can't be searched"):
            assert find_photos([tmp_path]) == photos[:1]
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_photos_in_a_folder_that_can_not_be_entered_are_found(
    tmp_path: Path, become_another_user: Callable[[], None]
) -> None:
    """If it can be listed: opening each is then an error that names it."""
    touch(tmp_path, "listed/1.jpg")
    (tmp_path / "listed").chmod(0o744)
    become_another_user()
    assert find_photos([tmp_path / "listed"]) == [tmp_path / "listed" / "1.jpg"]
