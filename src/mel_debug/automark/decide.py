"""From what all pairs of a target gave to one decision for each mole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import inf
from pathlib import Path

from mel_debug.automark.assignment import Assigned, assign
from mel_debug.automark.joint import Anchor, Candidate, Judged, Proposal, judge_together
from mel_debug.automark.pooling import PooledPlace, vote
from mel_debug.automark.search import PairAnswer
from mel_debug.automark.targets import Reference, Target
from mel_debug.confidence.calibrations import DEFAULT_THRESHOLD
from mel_debug.confidence.evidence import WITHIN
from mel_debug.core.geometry import Point, PointIndex

ONE_PLACE = 0.0025
"""Share of the target's longer side within which two marks are of one mole: 15 px at 6000."""

CONSISTENT = 0.02
"""... within which a mole agrees with the map of all, unless a person says otherwise."""

GUESSED = 0.8
"""How probable it is that a mark which is not canonical is right."""

UNLIKELY = 0.1
"""A mole whose best place is less probable than this is taken for not being there."""


class Outcome(Enum):
    """What became of a mole that a reference knows."""

    ADDED = "added"
    THERE = "already there"
    NOT_FOUND = "not found"
    UNCERTAIN = "uncertain"
    NOT_SEARCHED = "not searched"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a place is good enough. Distances in pixels of the target; None leaves it to its size.

    `min_consistent` other moles of the target must agree with the map that carries this one to
    within the distance.
    """

    min_confidence: float = DEFAULT_THRESHOLD
    min_consistent: int = 0
    consistency_px: float | None = None

    def __post_init__(self) -> None:
        # NaN is neither: it would accept every place.
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"a confidence lies in [0, 1], not {self.min_confidence}")
        if self.consistency_px is not None and not 0 < self.consistency_px < inf:
            raise ValueError(f"a distance is above 0 and finite, not {self.consistency_px}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a mole in a target, and why.

    `point` is its best place in pixels of the target, if it has any, and `references` are the
    photos that led there; those of them in `bare` show no spot at the mark. `expected_off_px` is
    how far from where the other moles lead it lies.
    """

    uuid: str
    outcome: Outcome
    reason: str
    point: Point | None = None
    confidence: float | None = None
    references: tuple[Path, ...] = ()
    agreeing: int = 0
    expected_off_px: float | None = None
    bare: tuple[Path, ...] = ()

    @property
    def spot_at_mark(self) -> bool | None:
        """Whether all photos that led to the place show a spot at the mark; None without any."""
        return not self.bare if self.references else None


def apart_px(answers: Sequence[tuple[Reference, PairAnswer]]) -> float:
    """How near, in pixels of the target, two places are one."""
    return ONE_PLACE * answers[0][1].frame.target.longest if answers else 0.0


def decide(
    target: Target,
    answers: Sequence[tuple[Reference, PairAnswer]],
    rules: Rules,
    failures: Mapping[Path, str] | None = None,
) -> list[Decision]:
    """One decision for each mole that a reference of the target knows, in their order.

    `failures` tells, by reference, why it was not searched with. A mole that no search looked for
    is `NOT_SEARCHED`, never `NOT_FOUND`.
    """
    there = {mole.uuid for mole in target.marks}
    judged = [_judged(target, reference, answer, rules) for reference, answer in answers]
    wanted = [uuid for uuid in target.known if uuid not in there]
    longest = answers[0][1].frame.target.longest if answers else 0
    ballots = {uuid: [each.get(uuid) for each in judged] for uuid in wanted}
    votes = {
        uuid: vote([() if one is None else one.candidates for one in each], WITHIN * longest)
        for uuid, each in ballots.items()
    }
    places = PointIndex([mole.point for mole in target.marks], ONE_PLACE * longest)
    taken = {uuid: _fit(votes[uuid], ballots[uuid], target, places, rules) for uuid in wanted}
    given = assign(
        {uuid: fit for uuid, (fit, _) in taken.items()}, ONE_PLACE * longest, rules.min_confidence
    )
    references = [reference.photo for reference, _ in answers]
    bare = {uuid: _bare(uuid, answers) for uuid in wanted}
    unseen = {uuid: reason for _, answer in answers for uuid, reason in answer.unseen}
    decisions = []
    for uuid in target.known:
        if uuid in there:
            decisions.append(Decision(uuid, Outcome.THERE, "marked already"))
        elif not votes[uuid]:
            reason = unseen.get(uuid) or _failure(uuid, target, failures or {})
            decisions.append(Decision(uuid, Outcome.NOT_SEARCHED, reason))
        else:
            best = given[uuid].vote or votes[uuid][0]
            outcome, reason = _verdict(best, given[uuid], taken[uuid][1], rules)
            ballot = ballots[uuid]
            decision = _decision(uuid, outcome, reason, best, ballot, references)
            shown = tuple(photo for photo in decision.references if photo in bare[uuid])
            decisions.append(replace(decision, bare=shown))
    return decisions


def _bare(uuid: str, answers: Sequence[tuple[Reference, PairAnswer]]) -> set[Path]:
    """The references that show no spot where they mark a mole."""
    return {reference.photo for reference, answer in answers if uuid in answer.bare}


def not_searched(target: Target, reason: str) -> list[Decision]:
    """A decision for each mole of a target of which nothing could be decided."""
    return [
        Decision(uuid, Outcome.THERE, "marked already")
        if uuid in target.marked
        else Decision(uuid, Outcome.NOT_SEARCHED, reason)
        for uuid in target.known
    ]


def _failure(uuid: str, target: Target, failures: Mapping[Path, str]) -> str:
    """Why no reference that knows a mole was searched with."""
    knowing = [each.photo for each in target.references if uuid in each.canonical]
    return next((failures[photo] for photo in knowing if photo in failures), "no search was made")


def _judged(
    target: Target, reference: Reference, answer: PairAnswer, rules: Rules
) -> Mapping[str, Judged]:
    """Every mole of a pair in the light of all others, and of those that both photos mark.

    Canonical marks of the target are taken as true, others as good guesses that may be wrong too.
    """
    uuids = Counter(mole.uuid for mole in target.marks)
    common = [
        mole for mole in target.marks if mole.uuid in reference.moles and uuids[mole.uuid] == 1
    ]
    anchors = [
        Anchor(mole.uuid, reference.moles[mole.uuid], mole.point)
        for mole in common
        if mole.is_canonical
    ]
    guesses = [
        Proposal(mole.uuid, reference.moles[mole.uuid], (Candidate(mole.point, GUESSED),))
        for mole in common
        if not mole.is_canonical
    ]
    consistency_px = rules.consistency_px
    if consistency_px is None:
        consistency_px = CONSISTENT * answer.frame.target.longest
    proposals = [*answer.proposals, *guesses]
    together = judge_together(proposals, anchors, answer.frame, consistency_px)
    return {each.uuid: each for each in together}


def _fit(
    votes: Sequence[PooledPlace],
    ballot: Sequence[Judged | None],
    target: Target,
    places: PointIndex,
    rules: Rules,
) -> tuple[list[PooledPlace], str]:
    """The places that a mole may have, and what is wrong with its best one if it may not."""
    fit, fault = [], ""
    for number, each in enumerate(votes):
        near = (target.marks[number] for number in places.near(each.place))
        holder = next(
            (mole for mole in near if mole.point.distance_to(each.place) <= places.distance), None
        )
        agreeing = _agreeing(each, ballot)
        if holder is not None:
            wrong = f"its place is marked as {holder.uuid}"
        elif agreeing < rules.min_consistent:
            wrong = f"{agreeing} other moles agree, {rules.min_consistent} are asked for"
        else:
            fit.append(each)
            continue
        fault = fault if number else wrong
    return fit, fault


def _agreeing(each: PooledPlace, ballot: Sequence[Judged | None]) -> int:
    """How many other moles agree, by the reference that has most."""
    voices = [ballot[voice] for voice in each.voices]
    return max((judged.agreeing for judged in voices if judged is not None), default=0)


def _verdict(best: PooledPlace, given: Assigned, fault: str, rules: Rules) -> tuple[Outcome, str]:
    if given.vote is not None:
        return Outcome.ADDED, "sure enough"
    if best.confidence < min(UNLIKELY, rules.min_confidence):
        return Outcome.NOT_FOUND, "nothing is like it where it should be"
    if fault:
        return Outcome.UNCERTAIN, fault
    if given.rival is not None:
        return Outcome.UNCERTAIN, f"its place went to {given.rival}"
    return Outcome.UNCERTAIN, f"confidence below {rules.min_confidence:g}"


def _decision(
    uuid: str,
    outcome: Outcome,
    reason: str,
    best: PooledPlace,
    ballot: Sequence[Judged | None],
    references: Sequence[Path],
) -> Decision:
    leads = [judged.expected for judged in ballot if judged is not None]
    off = min((best.place.distance_to(expected) for expected in leads), default=None)
    named = tuple(references[voice] for voice in best.voices)
    agreeing = _agreeing(best, ballot)
    return Decision(uuid, outcome, reason, best.place, best.confidence, named, agreeing, off)
