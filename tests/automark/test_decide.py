"""Laws of the decisions about the moles of a target."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.automark.decide import decide
from mel_debug.automark.decision import Decision, Outcome, Rules
from mel_debug.automark.joint import Candidate, Frame, Proposal
from mel_debug.automark.search import PairResult
from mel_debug.automark.targets import Reference, Target
from mel_debug.core.geometry import Point, Size
from mel_debug.core.types import Mole

SIZE = Size(4000, 3000)
FRAME = Frame(SIZE, SIZE)
CHANCE = random.Random(5)
PLACES = {f"m{n}": Point(CHANCE.uniform(300, 3500), CHANCE.uniform(300, 2600)) for n in range(9)}


def there(uuid: str) -> Point:
    """The place of a mole in the target: a little further right."""
    return Point(PLACES[uuid].x + 100, PLACES[uuid].y + 40)


def found(uuid: str, sure: float, place: Point | None = None) -> Proposal:
    return Proposal(uuid, PLACES[uuid], (Candidate(place or there(uuid), sure),))


def answer(*proposals: Proposal, name: str = "ref.jpg") -> tuple[Reference, PairResult]:
    reference = Reference(Path(name), PLACES, frozenset(PLACES))
    return reference, PairResult(FRAME, proposals)


def decided(
    *answers: tuple[Reference, PairResult], marks: tuple[Mole, ...] = (), **rules: object
) -> dict[str, Decision]:
    target = Target(Path("target.jpg"), marks, tuple(reference for reference, _ in answers))
    decisions = decide(target, answers, Rules(**rules))  # type: ignore[arg-type]
    return {decision.uuid: decision for decision in decisions}


SURE = tuple(found(f"m{n}", 0.95) for n in range(7))


def test_there_is_one_decision_for_each_mole_of_the_references() -> None:
    """Also for moles without a search."""
    nowhere = found("m7", 0.02, Point(3900, 50))
    decisions = decided(answer(*SURE, nowhere), marks=(Mole("m8", there("m8"), False),))
    assert {uuid: decision.outcome for uuid, decision in decisions.items()} == {
        **{f"m{n}": Outcome.ADDED for n in range(7)},
        "m7": Outcome.NOT_FOUND,
        "m8": Outcome.ALREADY_MARKED,
    }
    assert decided(answer())["m0"].outcome is Outcome.NOT_SEARCHED


def test_a_mole_whose_searches_all_failed_is_not_searched() -> None:
    """The reason is given; moles of another reference are decided by that one."""
    good, failed = answer(*SURE)[0], Reference(Path("cut.jpg"), PLACES, frozenset(PLACES))
    target = Target(Path("target.jpg"), (), (failed, good))
    decisions = decide(target, [answer(*SURE)], Rules(), {failed.photo: "cut.jpg is damaged"})
    by_uuid = {decision.uuid: decision for decision in decisions}
    assert {by_uuid[f"m{n}"].outcome for n in range(7)} == {Outcome.ADDED}
    assert by_uuid["m7"].outcome is Outcome.NOT_SEARCHED
    assert by_uuid["m7"].reason == "cut.jpg is damaged"


@pytest.mark.slow
@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e300, 1e300))
def test_marks_far_outside_the_photo_do_not_prevent_decisions(x: float, y: float) -> None:
    """For any finite coordinates."""
    decisions = decided(answer(*SURE), marks=(Mole("far", Point(x, y), True),))
    assert decisions["m0"].outcome in (Outcome.ADDED, Outcome.UNCERTAIN)


def test_a_reference_without_a_blob_at_its_mark_is_reported() -> None:
    """Without references it is unknown."""
    reference, sure = answer(*SURE)
    bare = replace(sure, without_blob=frozenset({"m1"}))
    decisions = decided((reference, bare))
    assert decisions["m0"].spot_at_mark is True
    assert decisions["m1"].spot_at_mark is False
    assert decisions["m1"].without_blob == (reference.photo,)
    assert decisions["m7"].spot_at_mark is None


def test_a_mole_that_is_probably_absent_is_not_found() -> None:
    """With confidence and absence together at most 1; without a probability it is unknown."""
    reference, result = answer(*SURE, found("m7", 0.3, Point(3900, 50)))
    known = replace(result, absent_if_wrong=(("m0", 0.9), ("m7", 0.9)))
    decisions = decided((reference, known))
    assert decisions["m7"].outcome is Outcome.NOT_FOUND
    assert decisions["m7"].reason == "it is probably not there"
    assert decisions["m0"].outcome is Outcome.ADDED
    for uuid in ("m0", "m7"):
        absent, confidence = decisions[uuid].absent, decisions[uuid].confidence
        assert absent is not None
        assert confidence is not None
        assert absent + confidence <= 1
    assert decisions["m1"].absent is None


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=4))
def test_right_and_absent_stay_exclusive_over_references(shares: list[tuple[float, float]]) -> None:
    """However references agree or not, the two probabilities are together at most 1."""
    answers = []
    for number, (sure, absent) in enumerate(shares):
        place = Point(500 + 700 * number, 400)
        reference, result = answer(found("m7", sure, place), name=f"{number}.jpg")
        answers.append((reference, replace(result, absent_if_wrong=(("m7", absent),))))
    decision = decided(*answers)["m7"]
    assert decision.absent is not None
    assert decision.confidence is not None
    assert 0 <= decision.absent <= 1 - decision.confidence + 1e-9


def test_a_rejected_place_is_not_offered_again() -> None:
    """For the mole that it was rejected for; another mole may be there, or it may be elsewhere."""
    reference, result = answer(*SURE)
    wrong = Mole("m0", Point(there("m0").x + 20, there("m0").y), is_canonical=False)
    target = Target(Path("target.jpg"), (), (reference,), (wrong,))
    decisions = {each.uuid: each for each in decide(target, [(reference, result)], Rules())}
    assert decisions["m0"].outcome is Outcome.UNCERTAIN
    assert decisions["m0"].reason == "a person has rejected this place before"
    assert decisions["m1"].outcome is Outcome.ADDED
    for moved in (
        replace(wrong, point=Point(there("m0").x + 40, there("m0").y)),  # 1 % of 4000 px
        replace(wrong, uuid="m1"),
    ):
        elsewhere = replace(target, rejected=(moved,))
        decisions = {each.uuid: each for each in decide(elsewhere, [(reference, result)], Rules())}
        assert decisions["m0"].outcome is Outcome.ADDED


def test_the_place_of_an_existing_mark_is_never_assigned() -> None:
    """Nor a place that counts as the same."""
    nearby = Point(there("m7").x + 3, there("m7").y)
    decisions = decided(answer(*SURE, found("m7", 0.9)), marks=(Mole("other", nearby, False),))
    assert decisions["m7"].outcome is Outcome.UNCERTAIN
    assert decisions["m7"].reason == "its place is marked as other"


def test_existing_marks_take_part_in_the_inference() -> None:
    """Canonical marks are certain; guesses may be wrong."""
    for canonical in (True, False):
        marks = tuple(Mole(f"m{n}", there(f"m{n}"), canonical) for n in range(7))
        decisions = decided(answer(found("m7", 0.4), found("m8", 0.9, Point(50, 50))), marks=marks)
        assert decisions["m7"].outcome is Outcome.ADDED
        assert decisions["m8"].outcome is not Outcome.ADDED
    marks = (*marks[:6], Mole("m6", Point(3900, 2900), False))
    assert decided(answer(found("m7", 0.4)), marks=marks)["m7"].outcome is Outcome.ADDED


def test_two_moles_never_get_one_place() -> None:
    """The mole with the higher posterior gets it."""
    decisions = decided(answer(*SURE, found("m7", 0.9, there("m0"))))
    assert decisions["m0"].outcome is Outcome.ADDED
    assert decisions["m7"].outcome in (Outcome.UNCERTAIN, Outcome.NOT_FOUND)


def test_a_mole_that_contradicts_all_others_is_not_marked() -> None:
    """However confident its match is."""
    decisions = decided(answer(*SURE, found("m7", 0.9, Point(3900, 50))))
    assert decisions["m7"].outcome is not Outcome.ADDED
    assert decisions["m7"].agreeing == 0


def test_the_required_number_of_moles_must_agree() -> None:
    """Not counting the mole itself."""
    enough = decided(answer(*SURE), min_consistent=6)
    assert all(enough[f"m{n}"].outcome is Outcome.ADDED for n in range(7))
    short = decided(answer(*SURE), min_consistent=7)
    assert {short[f"m{n}"].outcome for n in range(7)} == {Outcome.UNCERTAIN}
    assert short["m0"].reason == "6 other moles agree, but 7 are required"


def test_references_that_disagree_lower_the_confidence() -> None:
    """References that agree raise it, and are listed."""
    weak = (found("m7", 0.6),)
    one = decided(answer(*weak, name="1.jpg"))["m7"]
    agreeing = decided(answer(*weak, name="1.jpg"), answer(*weak, name="2.jpg"))["m7"]
    elsewhere = found("m7", 0.6, Point(3000, 300))
    torn = decided(answer(*weak, name="1.jpg"), answer(elsewhere, name="2.jpg"))["m7"]
    assert one.confidence is not None
    assert agreeing.confidence is not None
    assert torn.confidence is not None
    assert torn.confidence < one.confidence < agreeing.confidence
    assert agreeing.references == (Path("1.jpg"), Path("2.jpg"))


def test_what_is_below_the_threshold_is_uncertain_and_what_is_unlikely_not_found() -> None:
    """Its best place is reported nevertheless."""
    decisions = decided(answer(*SURE), min_confidence=0.9999)
    assert {decisions[f"m{n}"].outcome for n in range(7)} == {Outcome.UNCERTAIN}
    assert decisions["m0"].point == there("m0")
    alone = decided(answer(found("m0", 0.01)))["m0"]
    assert alone.outcome is Outcome.NOT_FOUND
    everything = decided(answer(found("m0", 0.01)), min_confidence=0.0)["m0"]
    assert everything.outcome is Outcome.ADDED


def test_a_mole_that_no_reference_shows_is_not_searched() -> None:
    """For example because its mask hides it; the reason is given."""
    reference, _ = answer()
    unsearchable = PairResult(FRAME, (), (("m0", "ref.jpg: its mask hides mole m0"),))
    decision = decided((reference, unsearchable))["m0"]
    assert decision.outcome is Outcome.NOT_SEARCHED
    assert decision.reason == "ref.jpg: its mask hides mole m0"


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_moles_plays_no_part(seed: int) -> None:
    """The outcome of a mole is the same in any order."""
    moles = [*SURE, found("m7", 0.5), found("m8", 0.9, there("m1"))]
    before = decided(answer(*moles))
    random.Random(seed).shuffle(moles)
    after = decided(answer(*moles))
    assert {u: d.outcome for u, d in after.items()} == {u: d.outcome for u, d in before.items()}
