"""Laws of the files that lie beside a photo, and beside links to it."""

from pathlib import Path

import pytest

from markers import new_mark
from mel_debug.core.errors import MelError
from mel_debug.files.append_marks import append_marks
from mel_debug.files.beside import beside, exists, real_path
from mel_debug.files.discovery import each_once, find_photos
from mel_debug.files.marks import has_marks, marks_path, read_moles
from mel_debug.files.photos import mask_path
from workbench import MOLE, OTHER_MOLE, mark


@pytest.fixture
def link(tmp_path: Path) -> Path:
    """A link in one folder to a photo in another."""
    photo = tmp_path / "real" / "photo.jpg"
    photo.parent.mkdir()
    photo.touch()
    (tmp_path / "links").mkdir()
    path = tmp_path / "links" / "other.jpg"
    path.symlink_to(photo)
    return path


def test_marks_and_mask_of_a_link_lie_beside_the_photo(link: Path) -> None:
    """They are read and written there, and no file is created beside the link."""
    mark(link.resolve(), (MOLE, 1, 1))
    assert [mole.uuid for mole in read_moles(link)] == [MOLE]
    append_marks(link, [new_mark("a", 7)])
    append_marks(link, [new_mark("a", 8)], "auto")
    assert len(read_moles(link.resolve())) == 2
    assert marks_path(link, "auto") == link.resolve().with_name("photo.jpg.auto.json")
    assert mask_path(link) == link.resolve().with_name("photo.jpg.mask.png")
    assert list(link.parent.iterdir()) == [link]


def test_marks_beside_both_are_those_beside_the_photo(link: Path) -> None:
    mark(link.resolve(), (MOLE, 1, 1))
    mark(link, (OTHER_MOLE, 1, 1))
    assert [mole.uuid for mole in read_moles(link)] == [MOLE]


@pytest.mark.parametrize("ending", [".json", ".auto.json", ".mask.png"])
def test_a_file_beside_the_link_only_is_not_passed_over(link: Path, ending: str) -> None:
    """The message has both paths."""
    own = link.with_name(link.name + ending)
    own.touch()
    with pytest.raises(MelError, match="is beside a link") as caught:
        beside(link, ending)
    assert str(own) in str(caught.value)
    assert str(link.resolve().parent) in str(caught.value)


def test_a_photo_and_its_links_are_one_photo(link: Path) -> None:
    """The first path stays. Hard links are photos of their own."""
    photo = link.resolve()
    twin = photo.with_name("twin.jpg")
    twin.hardlink_to(photo)
    assert each_once([link, photo, twin]) == [link, twin]
    assert find_photos([link.parent, photo.parent]) == [link, twin]


def test_a_link_that_leads_in_a_circle_is_just_a_path(tmp_path: Path) -> None:
    circle = tmp_path / "circle.jpg"
    circle.symlink_to(circle)
    assert real_path(circle) == circle
    assert find_photos([tmp_path]) == [circle]
    assert not has_marks(circle)


@pytest.mark.parametrize("name", ["x" * 300, "\u00e9" * 200, "with\0null"])
def test_a_path_that_no_file_can_have_is_not_there(tmp_path: Path, name: str) -> None:
    assert not exists(tmp_path / name)
