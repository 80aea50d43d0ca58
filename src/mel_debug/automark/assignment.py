"""Which mole gets which place: one to one, or not here at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mel_debug.automark.pooling import PooledPlace
from mel_debug.core.geometry import Point

SURE = 1e-6
"""Probabilities stay this far from 0 and 1, so that every log-odds is a number."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The place that a mole got, if any; if none, `rival` is the uuid that has its best place."""

    vote: PooledPlace | None
    rival: str | None = None


def assign(
    votes: Mapping[str, Sequence[PooledPlace]], apart_px: float, threshold: float
) -> dict[str, Assigned]:
    """Give each mole, by uuid, at most one of its places, and no place to two moles.

    Places within `apart_px` of each other are one. Of all assignments that one is taken whose
    log-odds add up to most, where a mole that is not here counts as much as one placed with a
    probability of `threshold` (Hungarian method; Kuhn 1955). So nobody is placed with less. The
    order of moles plays no part.
    """
    from scipy.optimize import linear_sum_assignment

    uuids = sorted(votes)
    places = _distinct([vote for uuid in uuids for vote in votes[uuid]], apart_px)
    if not places:
        return {uuid: Assigned(None) for uuid in uuids}
    gains = np.full((len(uuids), len(places)), -np.inf)
    chosen: dict[tuple[int, int], PooledPlace] = {}
    nothing = float(_log_odds(threshold))
    for row, uuid in enumerate(uuids):
        for each in votes[uuid]:
            column = int(np.argmin([each.place.distance_to(place) for place in places]))
            gain = float(_log_odds(each.confidence)) - nothing
            if each.confidence >= threshold and gain >= gains[row, column]:
                gains[row, column], chosen[row, column] = gain, each
    # Every mole has a column of its own for not being here, which costs nothing.
    costs = np.hstack([np.where(np.isfinite(gains), -gains, 1.0), np.zeros((len(uuids),) * 2)])
    rows, columns = linear_sum_assignment(costs)
    given = {
        uuids[row]: chosen[row, column]
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if (row, column) in chosen
    }
    kept = _apart(given, apart_px)
    return {
        uuid: Assigned(kept.get(uuid), _rival(uuid, votes[uuid], kept, apart_px)) for uuid in uuids
    }


def _apart(given: Mapping[str, PooledPlace], apart_px: float) -> dict[str, PooledPlace]:
    """What was given, without a place that lies within `apart_px` of a surer one.

    Places that are one with different ones of `_distinct` may still be as near to each other.
    """
    kept: dict[str, PooledPlace] = {}
    for uuid, vote in sorted(given.items(), key=lambda item: (-item[1].confidence, item[0])):
        if all(vote.place.distance_to(other.place) > apart_px for other in kept.values()):
            kept[uuid] = vote
    return kept


def _rival(
    uuid: str, votes: Sequence[PooledPlace], kept: Mapping[str, PooledPlace], apart_px: float
) -> str | None:
    """Who has the best place of a mole that got none."""
    if uuid in kept or not votes:
        return None
    best = max(votes, key=lambda each: each.confidence)
    near = (other for other, vote in kept.items() if vote.place.distance_to(best.place) <= apart_px)
    return next(near, None)


def _log_odds(probability: float) -> np.float64:
    inside = np.clip(probability, SURE, 1 - SURE)
    return np.float64(np.log(inside / (1 - inside)))


def _distinct(votes: Sequence[PooledPlace], apart_px: float) -> list[Point]:
    """Places more than `apart_px` apart, the surest first."""
    ordered = sorted(votes, key=lambda each: (-each.confidence, each.place.x, each.place.y))
    places: list[Point] = []
    for each in ordered:
        if all(each.place.distance_to(place) > apart_px for place in places):
            places.append(each.place)
    return places
