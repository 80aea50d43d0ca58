"""Laws of labelled photos and pairs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.evaluation.labelled import content_of, labelled_pairs
from mel_debug.files.marks import ABSENT, marks_path
from workbench import mark, save, skin

A, B, C = ("a" * 32, "b" * 32, "c" * 32)


def photo(folder: Path, name: str, *moles: tuple[str, int, int]) -> Path:
    folder.mkdir(exist_ok=True)
    path = save(skin(16, 12), folder / name)
    mark(path, *moles)
    return path


def absent(path: Path, uuid: str) -> None:
    written = mark(path.with_name("other.jpg"), (uuid, 3, 3))
    written.rename(marks_path(path, ABSENT))


def test_a_shared_mole_is_searched_in_both_directions(tmp_path: Path) -> None:
    """The true position is the centre of the marked pixel."""
    first = photo(tmp_path, "1.jpg", (A, 2, 3), (B, 5, 5))
    second = photo(tmp_path, "2.jpg", (A, 7, 8))
    back, there = labelled_pairs([tmp_path])
    assert (there.source, there.target) == (first, second)
    assert (back.source, back.target) == (second, first)
    (mole,) = there.moles
    assert mole.uuid == A
    assert mole.point == Point(2.5, 3.5)
    assert mole.truth == Point(7.5, 8.5)


def test_a_mole_known_to_be_absent_is_searched(tmp_path: Path) -> None:
    """Its truth is None; a mole that is merely not marked is not searched."""
    photo(tmp_path, "1.jpg", (A, 2, 3), (B, 5, 5))
    absent(photo(tmp_path, "2.jpg", (C, 7, 8)), A)
    (pair,) = labelled_pairs([tmp_path])
    assert [(mole.uuid, mole.truth) for mole in pair.moles] == [(A, None)]


def test_a_link_to_a_photo_counts_as_the_photo(tmp_path: Path) -> None:
    """A folder of links has the same pairs as the photos, each once, with their marks."""
    first = photo(tmp_path / "real", "1.jpg", (A, 2, 3))
    second = photo(tmp_path / "real", "2.jpg", (A, 7, 8))
    links = tmp_path / "links"
    links.mkdir()
    for number, real in enumerate((first, second, second)):
        (links / f"{number}.jpg").symlink_to(real)
    pairs = labelled_pairs([links])
    assert len(pairs) == 2
    assert {mole.truth for pair in pairs for mole in pair.moles} == {
        Point(2.5, 3.5),
        Point(7.5, 8.5),
    }
    assert len(labelled_pairs([links, first.parent])) == 2


def test_guessed_and_duplicate_marks_are_left_out(tmp_path: Path) -> None:
    """A mark that is not canonical, and a mole that is marked twice."""
    first = photo(tmp_path, "1.jpg", (A, 2, 3), (B, 5, 5), (C, 1, 1))
    photo(tmp_path, "2.jpg", (A, 7, 8), (B, 1, 1), (B, 9, 9), (C, 4, 4))
    text = marks_path(first).read_text()
    start = text.index(A)
    guessed = text[:start] + text[start:].replace("true", "false", 1)
    marks_path(first).write_text(guessed)
    pairs = labelled_pairs([tmp_path])
    assert {mole.uuid for pair in pairs for mole in pair.moles} == {C}


def test_nested_roots_count_a_photo_once(tmp_path: Path) -> None:
    """A folder and its parent as roots have the photos of the parent."""
    photo(tmp_path / "in", "1.jpg", (A, 2, 3))
    photo(tmp_path / "in", "2.jpg", (A, 7, 8))
    assert len(labelled_pairs([tmp_path, tmp_path / "in"])) == 2


def test_photos_without_a_shared_mole_are_an_error_with_advice(tmp_path: Path) -> None:
    photo(tmp_path, "1.jpg", (A, 2, 3))
    with pytest.raises(MelError, match="synth"):
        labelled_pairs([tmp_path])


def test_the_content_changes_with_marks_absences_and_masks(tmp_path: Path) -> None:
    """It stays the same otherwise."""
    path = photo(tmp_path, "1.jpg", (A, 2, 3))
    seen = {content_of([path])}
    assert content_of([path]) in seen
    mark(path, (A, 2, 4))
    seen.add(content_of([path]))
    absent(path, B)
    seen.add(content_of([path]))
    save(skin(16, 12)[..., 0], tmp_path / "1.jpg.mask.png")
    seen.add(content_of([path]))
    assert len(seen) == 4


def test_photos_in_a_folder_that_can_not_be_entered_are_skipped_by_name(
    tmp_path: Path, become_another_user: Callable[[], None]
) -> None:
    """If it can be listed; the others are used."""
    for folder in ("open", "closed"):
        photo(tmp_path / folder, "1.jpg", (A, 2, 3))
        photo(tmp_path / folder, "2.jpg", (A, 2, 3))
    (tmp_path / "closed").chmod(0o744)
    become_another_user()
    skipped: dict[str, Exception] = {}
    pairs = labelled_pairs([tmp_path], skipped.__setitem__)
    assert {pair.source.parent.name for pair in pairs} == {"open"}
    assert set(skipped) == {str(tmp_path / "closed" / name) for name in ("1.jpg", "2.jpg")}
