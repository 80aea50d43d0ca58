"""Laws of joint inference over the moles of two photos."""

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
