"""Laws of pairing targets with references."""

import json
import os
from pathlib import Path

import pytest

from mel_debug.automark.targets import Plan, Problem, make_plan
from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.discovery import part_of
from mel_debug.files.marks import marks_path


def photo(folder: Path, name: str, *uuids: str, guessed: tuple[str, ...] = ()) -> Path:
    """An empty file with the name of a photo, and a moles file if there are marks."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    entries = [
        {"uuid": uuid, "x": 1, "y": 2, "is_uuid_canonical": uuid not in guessed}
        for uuid in (*uuids, *guessed)
    ]
    if entries:
        marks_path(path).write_text(json.dumps(entries))
    return path


def paired(plan: Plan) -> dict[str, list[str]]:
    """The references of each target, by the names of their folders."""
    return {
        target.photo.parent.name: [reference.photo.parent.name for reference in target.references]
        for target in plan.targets
    }


def test_a_photo_is_never_its_own_reference(tmp_path: Path) -> None:
    """Whatever path leads to it."""
    first, second = photo(tmp_path, "1/a.jpg", "m"), photo(tmp_path, "2/a.jpg", "n")
    other_name = tmp_path / "1" / ".." / "1" / "a.jpg"
    assert paired(make_plan([other_name, second], [first, tmp_path])) == {"1": ["2"], "2": ["1"]}


def test_moles_to_find_are_canonical_and_not_marked_yet(tmp_path: Path) -> None:
    """A guess counts as a mark in a target, but not in a reference."""
    reference = photo(tmp_path, "1/a.jpg", "a", "b", "c", guessed=("d",))
    target = photo(tmp_path, "2/a.jpg", "a", guessed=("b",))
    (planned,) = make_plan([reference], [target]).targets
    assert list(planned.moles_to_find(planned.references[0])) == ["c"]
    assert planned.known == ["a", "b", "c"]


def test_a_mole_that_a_reference_marks_twice_is_not_searched_for(tmp_path: Path) -> None:
    """Its right place is unknown."""
    reference = photo(tmp_path, "1/a.jpg", "a", "b", "b")
    (planned,) = make_plan([reference], [photo(tmp_path, "2/a.jpg")]).targets
    assert planned.known == ["a"]


def test_with_a_stem_only_its_marks_count_as_existing(tmp_path: Path) -> None:
    """References use their main marks."""
    reference, target = photo(tmp_path, "1/a.jpg", "a", "b"), photo(tmp_path, "2/a.jpg", "a", "b")
    marks_path(target, "auto").write_text('[{"uuid": "b", "x": 0, "y": 0}]')
    (planned,) = make_plan([reference], [target], "auto").targets
    assert list(planned.moles_to_find(planned.references[0])) == ["a"]


def test_in_a_repository_references_are_of_the_same_body_part(tmp_path: Path) -> None:
    """Unless a reference is given by name, or none is of the target's part."""
    parts = tmp_path / "rotomaps" / "parts"
    back = photo(parts, "Trunk/Back/day1/0.jpg", "a")
    arm = photo(parts, "LeftArm/Upper/day1/0.jpg", "b")
    target = photo(parts, "Trunk/Back/day2/0.jpg")
    other_part = photo(parts, "RightArm/Upper/day2/0.jpg")

    def references(*places: Path, of: Path = target) -> list[Path]:
        (planned,) = make_plan(places, [of]).targets
        return [reference.photo for reference in planned.references]

    assert references(tmp_path) == [back]
    assert references(arm, tmp_path) == [arm, back]
    assert references(tmp_path, of=other_part) == [arm, back]
    assert part_of(back) == (parts / "Trunk" / "Back").resolve()
    assert part_of(tmp_path / "0.jpg") is None


def test_problems_name_their_photo(tmp_path: Path) -> None:
    """In a folder, photos without marks are no problem."""
    good = photo(tmp_path / "folder", "1/a.jpg", "a")
    photo(tmp_path / "folder", "2/a.jpg")
    unmarked = photo(tmp_path, "3/a.jpg")
    guessed = photo(tmp_path, "4/a.jpg", guessed=("a",))
    damaged = photo(tmp_path, "5/a.jpg")
    marks_path(damaged).write_text("{")
    plan = make_plan([tmp_path / "folder", unmarked, guessed, damaged], [good, damaged])
    assert [problem.photo for problem in plan.problems] == [unmarked, guessed, damaged, damaged]
    assert all(str(problem.photo) in str(problem) for problem in plan.problems)
    assert [target.photo for target in plan.targets] == [good]


def test_no_usable_reference_is_an_error(tmp_path: Path) -> None:
    """Which says what is missing."""
    with pytest.raises(MelError, match="none of the references marks a mole"):
        make_plan([photo(tmp_path, "1/a.jpg", guessed=("a",))], [photo(tmp_path, "2/a.jpg")])


def test_links_to_a_photo_are_the_photo(tmp_path: Path) -> None:
    """They are one target, with the marks beside the real file, and no reference of each other."""
    reference = photo(tmp_path, "1/a.jpg", "a", "b")
    target = photo(tmp_path, "2/a.jpg", "b")
    link = tmp_path / "links" / "x.jpg"
    link.parent.mkdir()
    link.symlink_to(target)
    (planned,) = make_plan([reference, link], [link, target]).targets
    assert planned.photo == link
    assert planned.marked == {"b"}
    assert [each.photo for each in planned.references] == [reference]


def test_one_bad_moles_file_does_not_stop_the_others(tmp_path: Path) -> None:
    """Marks far away, deeply nested, in a pipe, with a long name, or beside a link are reported."""
    reference, good = photo(tmp_path, "1/a.jpg", "a"), photo(tmp_path, "2/good.jpg")
    far, deep, pipe = (photo(tmp_path, f"2/{name}.jpg") for name in ("far", "deep", "pipe"))
    long = photo(tmp_path, f"2/{'x' * 248}.jpg")
    link = tmp_path / "2" / "link.jpg"
    link.symlink_to(photo(tmp_path, "3/real.jpg"))
    Path(f"{link}.json").write_text("[]")
    marks_path(far).write_text('[{"uuid": "a", "x": 1e200, "y": 0}]')
    marks_path(deep).write_text(f"[{'[' * 100_000}")
    if hasattr(os, "mkfifo"):
        os.mkfifo(marks_path(pipe))
    else:
        marks_path(pipe).mkdir()
    plan = make_plan([reference], [good.parent])
    assert [target.photo for target in plan.targets] == [good]
    bad = {problem.photo for problem in plan.problems}
    assert bad == {far, deep, pipe, long, link}
    assert all(str(problem.photo.name) in str(problem) for problem in plan.problems)
    assert make_plan([reference, good.parent], [good]).targets[0].references


@pytest.mark.parametrize(
    "stem", ["", "a/b", "..", ".hidden", "absent", "ABSENT", "a\\b", "a\x1bb", "a\nb", "a\u202eb"]
)
def test_a_stem_is_part_of_a_name(tmp_path: Path, stem: str) -> None:
    """Not a path, and not a reserved one."""
    with pytest.raises(UsageError):
        make_plan([photo(tmp_path, "1/a.jpg", "a")], [photo(tmp_path, "2/a.jpg")], stem)


def test_a_problem_names_its_photo_once() -> None:
    """Also if the reason contains its name."""
    assert str(Problem(Path("a.jpg"), "a.jpg is damaged")) == "a.jpg is damaged"
    assert str(Problem(Path("a.jpg"), "is damaged")) == "a.jpg: is damaged"
