"""Laws of what is asked of labelled photos."""

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


def test_both_directions_of_a_shared_mole_are_asked(tmp_path: Path) -> None:
    """The truth is the middle of the marked pixel."""
    first = photo(tmp_path, "1.jpg", (A, 2, 3), (B, 5, 5))
    second = photo(tmp_path, "2.jpg", (A, 7, 8))
    back, there = labelled_pairs([tmp_path])
    assert (there.source, there.target) == (first, second)
    assert (back.source, back.target) == (second, first)
    (question,) = there.questions
    assert question.uuid == A
    assert question.point == Point(2.5, 3.5)
    assert question.truth == Point(7.5, 8.5)


def test_a_mole_that_is_known_to_be_absent_is_asked_for(tmp_path: Path) -> None:
    """Its truth is that it has no place; a mole merely not marked is not asked for."""
    photo(tmp_path, "1.jpg", (A, 2, 3), (B, 5, 5))
    absent(photo(tmp_path, "2.jpg", (C, 7, 8)), A)
    (pair,) = labelled_pairs([tmp_path])
    assert [(question.uuid, question.truth) for question in pair.questions] == [(A, None)]


def test_links_to_a_photo_are_the_photo(tmp_path: Path) -> None:
    """A folder of links asks what the photos ask, each once, with the marks beside the photos."""
    first = photo(tmp_path / "real", "1.jpg", (A, 2, 3))
    second = photo(tmp_path / "real", "2.jpg", (A, 7, 8))
    links = tmp_path / "links"
    links.mkdir()
    for number, real in enumerate((first, second, second)):
        (links / f"{number}.jpg").symlink_to(real)
    pairs = labelled_pairs([links])
    assert len(pairs) == 2
    assert {question.truth for pair in pairs for question in pair.questions} == {
        Point(2.5, 3.5),
        Point(7.5, 8.5),
    }
    assert len(labelled_pairs([links, first.parent])) == 2


def test_guesses_and_doubles_are_no_truth(tmp_path: Path) -> None:
    """A mark that `mel` calls not canonical, and a mole marked twice."""
    first = photo(tmp_path, "1.jpg", (A, 2, 3), (B, 5, 5), (C, 1, 1))
    photo(tmp_path, "2.jpg", (A, 7, 8), (B, 1, 1), (B, 9, 9), (C, 4, 4))
    text = marks_path(first).read_text()
    start = text.index(A)
    guessed = text[:start] + text[start:].replace("true", "false", 1)
    marks_path(first).write_text(guessed)
    pairs = labelled_pairs([tmp_path])
    assert {question.uuid for pair in pairs for question in pair.questions} == {C}


def test_nested_roots_count_a_photo_once(tmp_path: Path) -> None:
    """A folder and its parent."""
    photo(tmp_path / "in", "1.jpg", (A, 2, 3))
    photo(tmp_path / "in", "2.jpg", (A, 7, 8))
    assert len(labelled_pairs([tmp_path, tmp_path / "in"])) == 2


def test_photos_that_share_nothing_are_an_error_that_says_what_to_try(tmp_path: Path) -> None:
    photo(tmp_path, "1.jpg", (A, 2, 3))
    with pytest.raises(MelError, match="synth"):
        labelled_pairs([tmp_path])


def test_the_content_changes_with_marks_absences_and_masks(tmp_path: Path) -> None:
    """And with nothing else."""
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
    assert len(labelled_pairs([tmp_path])) > 2  # also loads what others may not be able to load
    (tmp_path / "closed").chmod(0o744)
    become_another_user()
    skipped: dict[str, Exception] = {}
    pairs = labelled_pairs([tmp_path], skipped.__setitem__)
    assert {pair.source.parent.name for pair in pairs} == {"open"}
    assert set(skipped) == {str(tmp_path / "closed" / name) for name in ("1.jpg", "2.jpg")}
