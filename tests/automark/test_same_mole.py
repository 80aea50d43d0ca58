"""Laws of the pairs of uuids that look like one mole."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.automark.decide import decide
from mel_debug.automark.decision import Rules
from mel_debug.automark.joint import Candidate, Frame, Proposal
from mel_debug.automark.same_mole import SameMole, same_moles
from mel_debug.automark.search import PairResult
from mel_debug.automark.targets import Reference, Target
from mel_debug.core.geometry import Point, Size
from mel_debug.core.types import Mole

CHANCE = random.Random(5)
PLACES = {f"m{n}": Point(CHANCE.uniform(300, 5500), CHANCE.uniform(300, 3700)) for n in range(6)}
TARGET = Path("target.jpg")


def reference(moles: dict[str, Point], *, scale: float = 1.0, name: str = "ref.jpg") -> Reference:
    scaled = {uuid: Point(p.x * scale, p.y * scale) for uuid, p in moles.items()}
    return Reference(Path(name), scaled, frozenset(scaled))


def searched(found: Reference, scale: float = 1.0) -> tuple[Reference, PairResult]:
    """Each mole found at the place of its mark, with 0.95."""
    size = Size(round(6000 * scale), round(4000 * scale))
    proposals = [Proposal(u, p, (Candidate(p, 0.95),)) for u, p in found.moles.items()]
    return found, PairResult(Frame(size, size), tuple(proposals))


def pairs(
    *answers: tuple[Reference, PairResult], marks: tuple[Mole, ...] = ()
) -> tuple[SameMole, ...]:
    target = Target(TARGET, marks, tuple(each for each, _ in answers))
    return same_moles(target, answers, decide(target, answers, Rules()), 0.5)


def beside(place: Point, px: float) -> Point:
    return Point(place.x + px, place.y)


@pytest.mark.slow
@given(st.floats(0, 14), st.sampled_from([0.5, 1.0, 2.0]))
def test_two_labels_of_one_mole_in_a_reference_are_reported(px: float, scale: float) -> None:
    """Once for the reference and once for the target, at any size of the photos."""
    twice = reference({**PLACES, "other": beside(PLACES["m0"], px)}, scale=scale)
    in_reference, in_target = pairs(searched(twice, scale))
    assert in_reference.uuids == in_target.uuids == ("m0", "other")
    assert (in_reference.photo, in_target.photo) == (twice.photo, TARGET)
    assert (in_reference.was_found, in_target.was_found) == (False, True)
    assert abs(in_reference.distance_px - px * scale) < 1e-6


@pytest.mark.slow
@given(st.floats(16, 60))
def test_moles_further_apart_are_two(px: float) -> None:
    """Real moles are as near as 55 px of 6000."""
    assert not pairs(searched(reference({**PLACES, "other": beside(PLACES["m0"], px)})))


def test_labels_of_different_references_are_reported_where_they_are_found() -> None:
    """One session calls the mole m0, another one calls it new."""
    first = searched(reference(PLACES, name="1.jpg"))
    renamed = {("new" if uuid == "m0" else uuid): place for uuid, place in PLACES.items()}
    second = searched(reference(renamed, name="2.jpg"))
    (pair,) = pairs(first, second)
    assert pair.uuids == ("m0", "new")
    assert pair.photo == TARGET
    assert pair.was_found


def test_moles_that_a_reference_marks_apart_are_two_even_if_found_in_one_place() -> None:
    """One of them was found wrongly."""
    moles = reference({**PLACES, "near": beside(PLACES["m0"], 55)})
    given, answer = searched(moles)
    wrong = Proposal("near", moles.moles["near"], (Candidate(PLACES["m0"], 0.95),))
    proposals = tuple(wrong if each.uuid == "near" else each for each in answer.proposals)
    assert not pairs((given, PairResult(answer.frame, proposals)))


def test_a_mole_found_at_the_mark_of_another_is_reported() -> None:
    """Also two marks of the target in one place."""
    renamed = Mole("old", beside(PLACES["m0"], 4), True)
    (pair,) = pairs(searched(reference(PLACES)), marks=(renamed,))
    assert (pair.uuids, pair.was_found) == (("m0", "old"), True)
    marked = (renamed, Mole("older", PLACES["m0"], True))
    found = {each.uuids: each.was_found for each in pairs(searched(reference({})), marks=marked)}
    assert found == {("old", "older"): False}


def test_the_text_names_both_moles_the_distance_and_the_photo() -> None:
    """Uuids with the same beginning are printed in full."""
    points = (Point(10, 10), Point(10, 14))
    short = SameMole(("1234abcd99", "5678ef0199"), Path("a.jpg"), points, was_found=False)
    assert (
        str(short) == "moles 1234abcd and 5678ef01 look like one mole (marked 4 px apart in a.jpg)"
    )
    like = SameMole(("1234abcd98", "1234abcd99"), Path("a.jpg"), points, was_found=True)
    assert "1234abcd98 and 1234abcd99 look like one mole (found 4 px" in str(like)
