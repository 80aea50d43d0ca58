"""Opinion pooling: the candidates of one mole from several references, combined."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from mel_debug.automark.joint import Candidate
from mel_debug.core.geometry import Point

ELSEWHERE = 0.5
"""The share of a reference's remaining probability that goes to places it has not proposed."""

FLOOR = 1e-4
"""The smallest probability of any place, so that no reference rules one out."""


@dataclass(frozen=True, slots=True)
class PooledPlace:
    """A place of a mole with its pooled confidence, and the indices of the proposing references."""

    place: Point
    confidence: float
    references: tuple[int, ...]


def pool(proposed: Sequence[Sequence[Candidate]], same_place_px: float) -> list[PooledPlace]:
    """Pool the candidates of all references for one mole; the most confident place comes first.

    Candidates within `same_place_px` of a more confident one count as the same place, at the most
    confident candidate's point. The probabilities are pooled logarithmically (Genest and Zidek
    1986), with the weight 1 / sqrt(number of references), because references search the same target
    and so are neither independent nor identical. References that agree raise the confidence. One
    that is confident of another place, or that this place is wrong, lowers it. The confidences of a
    single reference do not change. The result does not depend on the order of references.
    """
    places = _places(proposed, same_place_px)
    if not places:
        return []
    shares = np.zeros((len(proposed), len(places)))
    for number, candidates in enumerate(proposed):
        for candidate in candidates:
            index = _nearest(candidate.place, places, same_place_px)
            shares[number, index] = max(shares[number, index], candidate.confidence)
    is_proposed = shares > 0
    left = np.clip(1 - shares.sum(axis=1, keepdims=True), FLOOR, 1)
    filled = np.where(is_proposed, shares, left * ELSEWHERE)
    has_others = (~is_proposed).any(axis=1, keepdims=True)
    nowhere = np.where(has_others, left * (1 - ELSEWHERE), left)
    logs = np.log(np.maximum(np.hstack([filled, nowhere]), FLOOR))
    # Summed exactly, because rounding would make ties depend on the order of references.
    total = np.array([math.fsum(column) for column in logs.T])
    pooled = np.exp(total / np.sqrt(len(proposed)))
    pooled /= pooled.sum()
    result = [
        PooledPlace(place, float(pooled[at]), tuple(np.flatnonzero(is_proposed[:, at]).tolist()))
        for at, place in enumerate(places)
    ]
    return sorted(result, key=lambda each: (-each.confidence, each.place.x, each.place.y))


def _places(proposed: Sequence[Sequence[Candidate]], same_place_px: float) -> list[Point]:
    """The places of candidates in order of confidence, without those near an earlier one."""
    ranked = sorted(
        chain.from_iterable(proposed),
        key=lambda each: (-each.confidence, each.place.x, each.place.y),
    )
    places: list[Point] = []
    for candidate in ranked:
        if all(candidate.place.distance_to(place) > same_place_px for place in places):
            places.append(candidate.place)
    return places


def _nearest(point: Point, places: Sequence[Point], same_place_px: float) -> int:
    at = min(range(len(places)), key=lambda i: point.distance_to(places[i]))
    assert point.distance_to(places[at]) <= same_place_px  # noqa: S101 - see `_places`
    return at
