"""Several references look for one mole: their places together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mel_debug.automark.joint import Candidate
from mel_debug.core.geometry import Point

ELSEWHERE = 0.5
"""What a reference leaves over goes by this share to places that it has not named."""

FLOOR = 1e-4
"""A reference never rules anything out."""


@dataclass(frozen=True, slots=True)
class PooledPlace:
    """A place for a mole by all references; `voices` are the numbers of those that named it."""

    place: Point
    confidence: float
    voices: tuple[int, ...]


def vote(ballots: Sequence[Sequence[Candidate]], apart_px: float) -> list[PooledPlace]:
    """Each reference's candidates for one mole to places with one confidence, surest first.

    Candidates within `apart_px` of a surer one are the same place, which lies where the surest
    says. Confidences are pooled in logarithms (Genest and Zidek 1986), each reference with the
    weight 1 / sqrt(references): all see the same target, so they are neither independent nor one.
    Agreeing ones reinforce each other; one that is sure of another place, or sure that what is here
    is not the mole, speaks against it, and one that is sure of nothing hardly matters. A single
    reference keeps its confidences. The order of references plays no part.
    """
    places = _places(ballots, apart_px)
    if not places:
        return []
    shares = np.zeros((len(ballots), len(places)))
    for number, ballot in enumerate(ballots):
        for candidate in ballot:
            at = _nearest(candidate.place, places, apart_px)
            shares[number, at] = max(shares[number, at], candidate.confidence)
    named = shares > 0
    left = np.clip(1 - shares.sum(axis=1, keepdims=True), FLOOR, 1)
    unnamed = ~named
    filled = np.where(named, shares, left * ELSEWHERE)
    nothing = np.where(unnamed.any(axis=1, keepdims=True), left * (1 - ELSEWHERE), left)
    outcomes = np.log(np.maximum(np.hstack([filled, nothing]), FLOOR))
    # Summed exactly: rounding would depend on the order of references, and settle ties by it.
    together = np.array([math.fsum(column) for column in outcomes.T])
    pooled = np.exp(together / np.sqrt(len(ballots)))
    pooled /= pooled.sum()
    votes = [
        PooledPlace(place, float(pooled[at]), tuple(np.flatnonzero(named[:, at]).tolist()))
        for at, place in enumerate(places)
    ]
    return sorted(votes, key=lambda each: (-each.confidence, each.place.x, each.place.y))


def _places(ballots: Sequence[Sequence[Candidate]], apart_px: float) -> list[Point]:
    """The surest candidate's place, then the surest that is no such place already, and so on."""
    candidates = sorted(
        (candidate for ballot in ballots for candidate in ballot),
        key=lambda each: (-each.confidence, each.place.x, each.place.y),
    )
    places: list[Point] = []
    for candidate in candidates:
        if all(candidate.place.distance_to(place) > apart_px for place in places):
            places.append(candidate.place)
    return places


def _nearest(point: Point, places: Sequence[Point], apart_px: float) -> int:
    at = min(range(len(places)), key=lambda i: point.distance_to(places[i]))
    assert point.distance_to(places[at]) <= apart_px  # noqa: S101 - `_places` has seen to it
    return at
