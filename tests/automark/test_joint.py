"""Laws of joint inference over the moles of two photos."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.automark.joint import (
    Anchor,
    Candidate,
    Frame,
    InferredMole,
    Proposal,
    infer_jointly,
)
from mel_debug.core.geometry import Point, Size
from strategies import seeds

SIZE = Size(4000, 3000)
FRAME = Frame(SIZE, SIZE)
NEAR = 80.0


def carried(point: Point) -> Point:
    """The point of the target that corresponds to one of the source: rotated, shifted and bent."""
    x, y = point.x - 2000, point.y - 1500
    bend = 1e-5 * x * y
    return Point(2100 + 0.95 * x - 0.1 * y + bend, 1450 + 0.1 * x + 0.95 * y - bend)


def proposal(number: int, place: Point, confidence: float, **more: object) -> Proposal:
    rng = random.Random(number)
    marked = Point(rng.uniform(600, 3400), rng.uniform(500, 2500))
    return Proposal(f"{number:032x}", marked, (Candidate(place, confidence),), **more)  # type: ignore[arg-type]


def right(number: int, confidence: float) -> Proposal:
    """A mole with the right place."""
    found = proposal(number, Point(0, 0), confidence)
    return Proposal(found.uuid, found.marked, (Candidate(carried(found.marked), confidence),))


def wrong(number: int, confidence: float) -> Proposal:
    """A mole with a wrong place, at least a fifth of the photo off, in any direction."""
    found = right(number, confidence)
    place, rng = found.candidates[0].place, random.Random(number + 1000)
    elsewhere = place
    while elsewhere.distance_to(place) < 800:
        elsewhere = Point(rng.uniform(0, 4000), rng.uniform(0, 3000))
    return Proposal(found.uuid, found.marked, (Candidate(elsewhere, confidence),))


def judged(*proposals: Proposal, anchors: tuple[Anchor, ...] = ()) -> dict[str, InferredMole]:
    return {each.uuid: each for each in infer_jointly(proposals, anchors, FRAME, NEAR)}


def confidence(result: dict[str, InferredMole], number: int) -> float:
    return result[f"{number:032x}"].candidates[0].confidence


@pytest.mark.slow
@given(seeds)
def test_the_order_of_moles_plays_no_part(seed: int) -> None:
    """The confidences agree to 1e-6."""
    moles = [right(n, 0.3 + 0.05 * n) for n in range(8)] + [wrong(20, 0.8), wrong(21, 0.4)]
    before = judged(*moles)
    random.Random(seed).shuffle(moles)
    after = judged(*moles)
    for uuid, each in before.items():
        assert after[uuid].candidates[0].confidence == pytest.approx(
            each.candidates[0].confidence, abs=1e-6
        )
        assert after[uuid].agreeing == each.agreeing


def test_moles_that_agree_raise_each_others_confidence() -> None:
    """Also that of a weak match at the predicted place."""
    result = judged(*(right(n, 0.9) for n in range(7)), right(7, 0.35))
    assert confidence(result, 7) > 0.8
    assert result[f"{7:032x}"].agreeing == 7


def test_a_confident_match_that_contradicts_all_others_becomes_improbable() -> None:
    """And the others stay probable."""
    result = judged(*(right(n, 0.9) for n in range(7)), wrong(7, 0.97))
    assert confidence(result, 7) < 0.5
    assert result[f"{7:032x}"].agreeing == 0
    assert all(confidence(result, n) >= 0.9 for n in range(7))


def test_right_matches_win_over_as_many_wrong_ones() -> None:
    """Because wrong matches contradict each other."""
    moles = [right(n, 0.6) for n in range(8)]
    moles += [wrong(20 + n, 0.6) for n in range(8)]
    result = judged(*moles)
    assert all(confidence(result, n) > 0.8 for n in range(8))
    assert all(confidence(result, 20 + n) < 0.2 for n in range(8))


def test_anchors_determine_the_alignment() -> None:
    """A single match is checked against them."""
    marks = [right(n, 1.0) for n in range(6)]
    anchors = tuple(Anchor(m.uuid, m.marked, m.candidates[0].place) for m in marks)
    assert confidence(judged(right(9, 0.4), anchors=anchors), 9) > 0.7
    assert confidence(judged(wrong(9, 0.9), anchors=anchors), 9) < 0.3


def test_a_second_candidate_at_the_predicted_place_is_preferred() -> None:
    """Although its own probability is lower."""
    stray = wrong(9, 0.6)
    there = carried(stray.marked)
    torn = Proposal(stray.uuid, stray.marked, (stray.candidates[0], Candidate(there, 0.08)))
    result = judged(*(right(n, 0.9) for n in range(8)), torn)
    assert result[torn.uuid].candidates[0].place == there
    assert confidence(result, 9) > 0.5


def test_a_mole_alone_keeps_about_its_own_confidence() -> None:
    """No other mole confirms or contradicts it."""
    for sure in (0.1, 0.5, 0.9):
        assert confidence(judged(right(0, sure)), 0) == pytest.approx(sure, abs=0.12)


def test_geometric_matches_gain_less_from_agreement() -> None:
    """Such a matcher finds a place near the prediction even if the mole is gone."""
    others = [right(n, 0.95) for n in range(8)]
    there = right(9, 0.05)
    gone = Proposal(there.uuid, there.marked, there.candidates, by_geometry=True)
    assert confidence(judged(*others, gone), 9) < 0.75 < confidence(judged(*others, there), 9)


@pytest.mark.slow
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0, 400))
def test_probabilities_of_a_mole_add_up_to_one_at_most(own: list[float], blur: float) -> None:
    """For any probabilities of its candidates."""
    total = max(1.0, sum(own))
    candidates = tuple(
        Candidate(Point(500.0 + 600 * n, 1000), each / total) for n, each in enumerate(own)
    )
    torn = Proposal("a" * 32, Point(1000, 1000), candidates, position_std_px=blur)
    result = judged(torn, *(right(n, 0.8) for n in range(4)))[torn.uuid]
    assert sum(each.confidence for each in result.candidates) <= 1 + 1e-6
    ordered = [each.confidence for each in result.candidates]
    assert ordered == sorted(ordered, reverse=True)


def on_grid(number: int, columns: int) -> Point:
    """Points in three rows that cover the photo."""
    row, column = divmod(number, columns)
    return Point(600 + 2800 * column / (columns - 1), 450 + 1050 * row)


def at(marked: Point, off: complex = 0j) -> Point:
    there = carried(marked)
    return Point(there.x + off.real, there.y + off.imag)


def geometric(number: int, marked: Point, place: Point, sure: float) -> Proposal:
    return Proposal(f"{number:032x}", marked, (Candidate(place, sure),), by_geometry=True)


turns = st.floats(0, 6.28).map(lambda angle: complex(math.cos(angle), math.sin(angle)))
PX = 4000 / 6000
"""A pixel of a photo of 6000 px, in those of `SIZE`."""


@pytest.mark.slow
@given(st.integers(0, 8), st.floats(40, 100), turns, st.floats(0.08, 0.15))
def test_a_right_place_where_the_skin_bends_locally_stays_probable(
    bent: int, px: float, turn: complex, radius: float
) -> None:
    """By 40 to 100 px of 6000, in its quarter of the photo, among 8 others."""
    marks = [on_grid(number, 3) for number in range(9)]

    def bend(marked: Point) -> complex:
        away = marked.distance_to(marks[bent]) / SIZE.longest
        return px * PX * turn * math.exp(-((away / radius) ** 2) / 2)

    moles = [geometric(n, m, at(m, bend(m)), 0.94) for n, m in enumerate(marks)]
    assert confidence(judged(*moles), bent) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(("px", "sure"), [(100, 0.8), (500, 0.9)])
@given(st.integers(0, 2), st.integers(0, 1), turns, seeds)
def test_a_map_that_predicts_well_is_sure(
    px: float, sure: float, column: int, row: int, turn: complex, seed: int
) -> None:
    """A place so many px of 6000 off becomes improbable amid twelve others that fit to 3 px."""
    rng = random.Random(seed)
    moles = []
    for number in range(12):
        marked = on_grid(number, 4)
        off = complex(rng.gauss(0, 1.4), rng.gauss(0, 1.4))
        moles.append(geometric(number, marked, at(marked, off), 0.94))
    first, last = on_grid(4 * row + column, 4), on_grid(4 * row + column + 5, 4)
    amid = Point((first.x + last.x) / 2, (first.y + last.y) / 2)
    moles.append(geometric(12, amid, at(amid, px * PX * turn), sure))
    assert confidence(judged(*moles), 12) < 0.5


@given(st.integers(0, 7))
def test_two_moles_with_each_others_places_become_improbable(first: int) -> None:
    """Neighbours among ten others."""
    marks = [on_grid(number, 4) for number in range(12)]
    second = first + 4
    places = [at(marked) for marked in marks]
    places[first], places[second] = places[second], places[first]
    both = zip(marks, places, strict=True)
    moles = [geometric(n, marked, place, 0.8) for n, (marked, place) in enumerate(both)]
    result = judged(*moles)
    assert confidence(result, first) < 0.5
    assert confidence(result, second) < 0.5
    assert all(confidence(result, n) > 0.5 for n in range(12) if n not in (first, second))


@pytest.mark.slow
@given(st.floats(0.1, 10), seeds)
def test_the_size_of_the_photos_plays_no_part(scale: float, seed: int) -> None:
    """All confidences stay the same if all pixels are scaled."""
    moles = [right(n, 0.8) for n in range(seed, seed + 6)] + [wrong(seed + 9, 0.7)]

    def scaled(point: Point) -> Point:
        return Point(point.x * scale, point.y * scale)

    size = Size(SIZE.width * scale, SIZE.height * scale)  # type: ignore[arg-type]
    larger = [
        Proposal(
            each.uuid,
            scaled(each.marked),
            tuple(Candidate(scaled(c.place), c.confidence) for c in each.candidates),
        )
        for each in moles
    ]
    after = infer_jointly(larger, (), Frame(size, size), NEAR * scale)
    for one, other in zip(infer_jointly(moles, (), FRAME, NEAR), after, strict=True):
        assert other.candidates[0].confidence == pytest.approx(
            one.candidates[0].confidence, abs=1e-6
        )
        assert other.expected_px == pytest.approx(one.expected_px * scale, rel=1e-6)


def test_without_proposals_the_result_is_empty() -> None:
    """Also with anchors."""
    assert judged() == {}
    assert judged(anchors=(Anchor("a", Point(1, 1), Point(2, 2)),)) == {}


def test_impossible_proposals_are_refused() -> None:
    """A confidence is a probability, and a mole has a candidate."""
    with pytest.raises(ValueError, match="confidence"):
        Candidate(Point(0, 0), 1.2)
    with pytest.raises(ValueError, match="no candidate"):
        Proposal("a", Point(0, 0), ())
