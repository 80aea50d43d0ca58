"""One decision for each mole of a target, from the results of all its pairs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path

from mel_debug.automark.assignment import Assignment, assign
from mel_debug.automark.decision import CONSISTENT_SHARE, Decision, Outcome, Rules
from mel_debug.automark.joint import Anchor, Candidate, InferredMole, Proposal, infer_jointly
from mel_debug.automark.pooling import PooledPlace, pool
from mel_debug.automark.search import PairResult
from mel_debug.automark.targets import Reference, Target
from mel_debug.confidence.evidence import WITHIN
from mel_debug.core.geometry import Point, PointIndex

SAME_PLACE_SHARE = 0.0025
"""Two places this near are the same, in longer sides of the target: 15 px at 6000 px."""

GUESS_PROBABILITY = 0.8
"""The prior probability that a mark that is not canonical is right."""

NOT_FOUND_BELOW = 0.1
"""A mole whose best place has a lower probability counts as not found."""

ABSENT_ABOVE = 0.5
"""A mole that is more likely absent than not counts as not found."""


def same_place_px(results: Sequence[tuple[Reference, PairResult]]) -> float:
    """The distance, in pixels of the target, within which two places are the same."""
    return SAME_PLACE_SHARE * results[0][1].frame.target.longest if results else 0.0


def decide(
    target: Target,
    results: Sequence[tuple[Reference, PairResult]],
    rules: Rules,
    failures: Mapping[Path, str] | None = None,
) -> list[Decision]:
    """One decision for each mole that is canonical in a reference of the target, in their order.

    `failures` are the reasons, by photo, why a reference has no result. A mole that was in no
    search is `NOT_SEARCHED`, never `NOT_FOUND`.
    """
    marked = target.marked
    evidence = _Evidence.of(target, results, rules)
    assigned = assign(evidence.allowed, same_place_px(results), rules.min_confidence)
    unsearchable = {uuid: reason for _, result in results for uuid, reason in result.unsearchable}
    decisions = []
    for uuid in target.known:
        if uuid in marked:
            decisions.append(Decision(uuid, Outcome.ALREADY_MARKED, "marked already"))
        elif not evidence.places[uuid]:
            reason = unsearchable.get(uuid) or _failure(uuid, target, failures or {})
            decisions.append(Decision(uuid, Outcome.NOT_SEARCHED, reason))
        else:
            decisions.append(evidence.decision(uuid, assigned[uuid], rules))
    return decisions


@dataclass(frozen=True, slots=True)
class _Evidence:
    """All that is known of the unmarked moles of a target, by uuid.

    `inferred` has an entry for each reference and `places` the pooled places, the best first;
    `allowed` are those that satisfy the rules, and `faults` the reasons why the best one does not.
    """

    references: Sequence[Path]
    inferred: Mapping[str, Sequence[InferredMole | None]]
    places: Mapping[str, Sequence[PooledPlace]]
    allowed: Mapping[str, Sequence[PooledPlace]]
    faults: Mapping[str, str]
    without_blob: Mapping[str, frozenset[Path]]
    absent: Mapping[str, float | None]

    @classmethod
    def of(
        cls, target: Target, results: Sequence[tuple[Reference, PairResult]], rules: Rules
    ) -> "_Evidence":
        by_pair = [_inferred(target, reference, result, rules) for reference, result in results]
        uuids = [uuid for uuid in target.known if uuid not in target.marked]
        longest = results[0][1].frame.target.longest if results else 0
        inferred = {uuid: [pair.get(uuid) for pair in by_pair] for uuid in uuids}
        places = {
            uuid: pool([() if one is None else one.candidates for one in each], WITHIN * longest)
            for uuid, each in inferred.items()
        }
        marks = PointIndex([mole.point for mole in target.marks], same_place_px(results))
        checked = {
            uuid: _allowed(
                places[uuid],
                inferred[uuid],
                target,
                marks,
                rules,
                _Rejected(
                    tuple(mole.point for mole in target.rejected if mole.uuid == uuid),
                    WITHIN * longest,
                ),
            )
            for uuid in uuids
        }
        return cls(
            [reference.photo for reference, _ in results],
            inferred,
            places,
            {uuid: allowed for uuid, (allowed, _) in checked.items()},
            {uuid: fault for uuid, (_, fault) in checked.items()},
            {
                uuid: frozenset(ref.photo for ref, result in results if uuid in result.without_blob)
                for uuid in uuids
            },
            {uuid: _absent(uuid, places[uuid], [each for _, each in results]) for uuid in uuids},
        )

    def decision(self, uuid: str, assigned: Assignment, rules: Rules) -> Decision:
        """The decision about a mole that has at least one place."""
        best = assigned.place or self.places[uuid][0]
        absent = self.absent[uuid]
        outcome, reason = _verdict(best, assigned, absent, self.faults[uuid], rules)
        by_pair = [each for each in self.inferred[uuid] if each is not None]
        expected = [each.expected for each in by_pair]
        surest = min(by_pair, key=lambda each: each.expected_px, default=None)
        references = tuple(self.references[index] for index in best.references)
        return Decision(
            uuid,
            outcome,
            reason,
            best.place,
            best.confidence,
            references,
            _agreeing(best, self.inferred[uuid]),
            min((best.place.distance_to(point) for point in expected), default=None),
            tuple(photo for photo in references if photo in self.without_blob[uuid]),
            absent,
            None if surest is None else surest.expected,
        )


def not_searched(target: Target, reason: str) -> list[Decision]:
    """A decision for each mole of a target that could not be searched."""
    return [
        Decision(uuid, Outcome.ALREADY_MARKED, "marked already")
        if uuid in target.marked
        else Decision(uuid, Outcome.NOT_SEARCHED, reason)
        for uuid in target.known
    ]


def _failure(uuid: str, target: Target, failures: Mapping[Path, str]) -> str:
    """The reason why no reference that marks a mole was searched with."""
    marking = [each.photo for each in target.references if uuid in each.canonical]
    return next((failures[photo] for photo in marking if photo in failures), "no search was made")


def _inferred(
    target: Target, reference: Reference, result: PairResult, rules: Rules
) -> Mapping[str, InferredMole]:
    """Joint inference over the moles of a pair, including those that both photos mark.

    Canonical marks of the target are certain; others are candidates that may be wrong.
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
        Proposal(mole.uuid, reference.moles[mole.uuid], (Candidate(mole.point, GUESS_PROBABILITY),))
        for mole in common
        if not mole.is_canonical
    ]
    consistency_px = rules.consistency_px
    if consistency_px is None:
        consistency_px = CONSISTENT_SHARE * result.frame.target.longest
    proposals = [*result.proposals, *guesses]
    inferred = infer_jointly(proposals, anchors, result.frame, consistency_px)
    return {each.uuid: each for each in inferred}


@dataclass(frozen=True, slots=True)
class _Rejected:
    """The places of one mole that a person has rejected.

    A place within `same_px` of one of them is the same answer: were the one right, so would be the
    other.
    """

    places: tuple[Point, ...]
    same_px: float

    def includes(self, place: Point) -> bool:
        return any(each.distance_to(place) <= self.same_px for each in self.places)


def _allowed(
    places: Sequence[PooledPlace],
    inferred: Sequence[InferredMole | None],
    target: Target,
    marks: PointIndex,
    rules: Rules,
    rejected: "_Rejected",
) -> tuple[list[PooledPlace], str]:
    """The places that satisfy the rules, and the reason why the best one does not, if so."""
    allowed, fault = [], ""
    for number, each in enumerate(places):
        near = (target.marks[index] for index in marks.near(each.place))
        holder = next(
            (mole for mole in near if mole.point.distance_to(each.place) <= marks.distance), None
        )
        agreeing = _agreeing(each, inferred)
        if rejected.includes(each.place):
            reason = "a person has rejected this place before"
        elif holder is not None:
            reason = f"its place is marked as {holder.uuid}"
        elif agreeing < rules.min_consistent:
            reason = f"{agreeing} other moles agree, but {rules.min_consistent} are required"
        else:
            allowed.append(each)
            continue
        fault = fault if number else reason
    return allowed, fault


def _agreeing(place: PooledPlace, inferred: Sequence[InferredMole | None]) -> int:
    """The number of other moles that agree, by the reference where they are most."""
    proposing = [inferred[index] for index in place.references]
    return max((each.agreeing for each in proposing if each is not None), default=0)


def _absent(
    uuid: str, places: Sequence[PooledPlace], results: Sequence[PairResult]
) -> float | None:
    """The probability that a mole is absent: its share of what the places leave, by all references.

    The mean over references, as a linear opinion pool (Stone 1961).
    """
    shares = [share for each in results for name, share in each.absent_if_wrong if name == uuid]
    if not shares:
        return None
    left = 1 - fsum(place.confidence for place in places)
    return max(left, 0.0) * fsum(shares) / len(shares)


def _verdict(
    best: PooledPlace, assigned: Assignment, absent: float | None, fault: str, rules: Rules
) -> tuple[Outcome, str]:
    if assigned.place is not None:
        return Outcome.ADDED, "its confidence is high enough"
    if absent is not None and absent > ABSENT_ABOVE and best.confidence < rules.min_confidence:
        return Outcome.NOT_FOUND, "it is probably not there"
    if best.confidence < min(NOT_FOUND_BELOW, rules.min_confidence):
        return Outcome.NOT_FOUND, "no place resembles it where it is expected"
    if fault:
        return Outcome.UNCERTAIN, fault
    if assigned.rival is not None:
        return Outcome.UNCERTAIN, f"its place was assigned to {assigned.rival}"
    return Outcome.UNCERTAIN, f"its confidence is below {rules.min_confidence:g}"
