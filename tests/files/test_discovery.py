"""Laws of finding photos in folders."""

from pathlib import Path

import pytest

from mel_debug.core.errors import MelError
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
    """What else lies in it is not of the body's map; a folder of it that is named is searched."""
    rotomap = "rotomaps/parts/Trunk/Back/2025_06_10"
    photos = touch(tmp_path, f"{rotomap}/0.jpg", f"{rotomap}/1.jpg")
    touch(tmp_path, "melroot", "incoming/z.jpg", f"{rotomap}/0.jpg.mask.png")
    assert find_photos([tmp_path]) == photos
    assert find_photos([tmp_path / "rotomaps" / "parts" / "Trunk"]) == photos
    assert find_photos([tmp_path / "incoming"]) == [tmp_path / "incoming" / "z.jpg"]


def test_each_photo_comes_once_in_the_order_named(tmp_path: Path) -> None:
    """A file is taken whatever it is called."""
    odd, first, second = touch(tmp_path, "scan.dat", "a/1.jpg", "a/2.jpg")
    assert find_photos([second, odd, tmp_path / "a", first]) == [second, odd, first]


def test_no_photos_at_all_is_an_error_that_names_the_places(tmp_path: Path) -> None:
    """Nothing was done, which a person should know."""
    with pytest.raises(MelError, match="no photos in"):
        find_photos([tmp_path])


def test_pictures_that_were_drawn_are_no_photos(tmp_path: Path) -> None:
    """In a folder; one that is named is taken. Photos of the same name and size are found."""
    drawn, photo = tmp_path / "report" / "0001-a.jpg", tmp_path / "b.jpg"
    drawn.parent.mkdir()
    write_picture(drawn, skin(32, 24))
    save(skin(32, 24), photo)
    assert find_photos([tmp_path]) == [photo]
    assert find_photos([drawn]) == [drawn]
