"""One-to-one assignment of places to moles; a mole may also get no place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.automark.pooling import PooledPlace
from mel_debug.core.geometry import Point

MARGIN = 1e-6
"""Probabilities are kept this far from 0 and 1, so that log-odds are finite."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The place of a mole, or None and the uuid of the `rival` that got its best place, if any."""

    place: PooledPlace | None
    rival: str | None = None


def assign(
    proposed: Mapping[str, Sequence[PooledPlace]], same_place_px: float, threshold: float
) -> dict[str, Assignment]:
    """Assign to each mole, by uuid, at most one of its places, and each place to at most one mole.

    Places within `same_place_px` of each other are the same. The assignment has the largest sum of
    log-odds, where a mole without a place counts like one of probability `threshold` (Hungarian
    method; Kuhn 1955), so no mole gets a place below the threshold. The result does not depend on
    the order of moles.
    """
    uuids = sorted(proposed)
    places = _distinct([each for uuid in uuids for each in proposed[uuid]], same_place_px)
    if not places:
        return {uuid: Assignment(None) for uuid in uuids}
    gains = np.full((len(uuids), len(places)), -np.inf)
    best: dict[tuple[int, int], PooledPlace] = {}
    no_place = float(_log_odds(threshold))
    for row, uuid in enumerate(uuids):
        for each in proposed[uuid]:
            column = int(np.argmin([each.place.distance_to(place) for place in places]))
            gain = float(_log_odds(each.confidence)) - no_place
            if each.confidence >= threshold and gain >= gains[row, column]:
                gains[row, column], best[row, column] = gain, each
    assigned = {uuids[row]: best[row, column] for row, column in _best_pairs(gains)}
    separate = _separate(assigned, same_place_px)
    return {
        uuid: Assignment(separate.get(uuid), _rival(uuid, proposed[uuid], separate, same_place_px))
        for uuid in uuids
    }


def _best_pairs(gains: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The pairs of row and column with the largest sum of gains, which are finite where allowed."""
    wanted = gains.argmax(axis=1).tolist()
    pairs = [(row, column) for row, column in enumerate(wanted) if np.isfinite(gains[row, column])]
    if len({column for _, column in pairs}) == len(pairs):
        # Nobody wants another's place. Importing the solver would take longer than all the rest.
        return pairs
    from scipy.optimize import linear_sum_assignment

    # Every mole also has a column for "no place", which costs nothing.
    costs = np.hstack([np.where(np.isfinite(gains), -gains, 1.0), np.zeros((len(gains),) * 2)])
    rows, columns = linear_sum_assignment(costs)
    return [
        (row, column)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if column < gains.shape[1] and np.isfinite(gains[row, column])
    ]


def _separate(assigned: Mapping[str, PooledPlace], same_place_px: float) -> dict[str, PooledPlace]:
    """Drop places within `same_place_px` of a more confident one.

    Two places that count as different ones of `_distinct` can still be this near to each other.
    """
    separate: dict[str, PooledPlace] = {}
    for uuid, each in sorted(assigned.items(), key=lambda item: (-item[1].confidence, item[0])):
        others = separate.values()
        if all(each.place.distance_to(other.place) > same_place_px for other in others):
            separate[uuid] = each
    return separate


def _rival(
    uuid: str,
    proposed: Sequence[PooledPlace],
    assigned: Mapping[str, PooledPlace],
    same_place_px: float,
) -> str | None:
    """The mole that got the best place of a mole without one."""
    if uuid in assigned or not proposed:
        return None
    best = max(proposed, key=lambda each: each.confidence)
    near = (
        other
        for other, each in assigned.items()
        if each.place.distance_to(best.place) <= same_place_px
    )
    return next(near, None)


def _log_odds(probability: float) -> np.float64:
    clipped = np.clip(probability, MARGIN, 1 - MARGIN)
    return np.float64(np.log(clipped / (1 - clipped)))


def _distinct(proposed: Sequence[PooledPlace], same_place_px: float) -> list[Point]:
    """Places more than `same_place_px` apart, the most confident first."""
    ordered = sorted(proposed, key=lambda each: (-each.confidence, each.place.x, each.place.y))
    places: list[Point] = []
    for each in ordered:
        if all(each.place.distance_to(place) > same_place_px for place in places):
            places.append(each.place)
    return places
