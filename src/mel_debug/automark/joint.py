"""How far the places found for the moles of one pair of photos bear each other out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mel_debug.automark.alignment import Array, Places, Predicted, density, predict, pull
from mel_debug.core.geometry import Point, Size

# What the constants below do was measured by `benchmarks/constants.py joint` on 60 generated pairs
# with simulated searches: 30 % of places wrong, half of those near the right one. Figures are the
# mean log likelihood of right and wrong: -0.098 as it is, and 98.0 % on the right side of 0.5.

STRAY = 0.01
"""Of a matcher that goes by geometry, wrong places too lie near where it leads: their standard
deviation, of x and y together, as a share of the longer side. Measured on generated photos, where
88 % of wrong places lay within 0.02 and half within 0.008."""

STRAYS_NEAR = {True: 0.95, False: 0.2}
"""Share of wrong places that lie there, for matchers that go by geometry and for others. Of those
by geometry see `STRAY`; of others it is a guess: by likeness alone a place may be anywhere."""

MOST_EVIDENCE = 6.0
"""The logarithm of a likelihood ratio is cut here, both ways: no single thing settles a mole.
Log likelihood at 2, 4, 6: -0.124, -0.100, -0.098."""

ROUNDS = 12
"""Until nothing changes. Log likelihood after 3, 6, 12, 24: -0.158, -0.098, -0.098, -0.098."""

FAR = 0.05
"""Shares of the longer side; a first guess of the map that misses a mole by more does not fit. From
0.0125 to 0.2 the log likelihood stays within 0.002."""

GUESSES_FROM = 24
"""Moles, the surest ones, of which every two give a first guess of the map: 276 guesses.
The photos measured have 15 moles each; from 6 on nothing changes."""

DOUBT = 1e-4
"""What is left of the weight of a mole that the first guess misses. From 1e-8 to 0.1 the log
likelihood stays within 0.001; at 1, without doubt, it falls to -0.101."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place for a mole, in pixels of the target, and the probability that it is right."""

    place: Point
    confidence: float

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence lies in [0, 1], not {self.confidence}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mole that is marked in the source, and where it may be in the target.

    The first candidate is the best match. `by_geometry`: the matcher went by what lies around.
    `position_std_px`, in pixels of the target, is how far off a right place is as the matcher sees no
    finer: a standard deviation, of x and y together.
    """

    uuid: str
    marked: Point
    candidates: tuple[Candidate, ...]
    by_geometry: bool = False
    position_std_px: float = 0.0

    def __post_init__(self) -> None:
        if not self.candidates:
            raise ValueError(f"mole {self.uuid} has no candidate")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A mole that is marked in both photos, by its marks in source and target."""

    uuid: str
    marked: Point
    there: Point


@dataclass(frozen=True, slots=True)
class Judged:
    """A mole's candidates with what all other moles make of them, surest first.

    `expected` is where the others lead, in pixels of the target, to within `expected_px`;
    `agreeing` how many of them the joint map carries to their places as nearly as was asked for, 0
    if it does not so carry this one.
    """

    uuid: str
    candidates: tuple[Candidate, ...]
    expected: Point
    expected_px: float
    agreeing: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Two photos' sizes; `valid` is the share of the target that its mask leaves."""

    source: Size
    target: Size
    valid: float = 1.0

    @property
    def area(self) -> float:
        """What counts of the target, in squares of its longer side."""
        size = self.target
        return max(self.valid, 1e-3) * size.width * size.height / size.longest**2


def judge_together(
    proposals: Sequence[Proposal],
    anchors: Sequence[Anchor],
    frame: Frame,
    consistency_px: float,
) -> list[Judged]:
    """Give every candidate the probability that it has in the light of all other moles.

    A match's own odds are multiplied by how much likelier its place is for the mole than for a
    mistake, given where the others lead. They lead the more surely the more probable they
    are themselves, so this is repeated until it settles (expectation maximisation with the
    prediction of each mole left to the others). The order of moles plays no part.
    """
    if not proposals:
        return []
    moles = _Moles.of(proposals, anchors, frame)
    foreseen, posteriors, weights = moles.settled()
    trusted = weights >= 0.5
    near = foreseen.residuals * frame.target.longest <= consistency_px
    return [
        Judged(
            each.uuid,
            _ranked(each.candidates, posterior),
            _point(foreseen.places[number], frame.target),
            float(np.sqrt(foreseen.variances[number])) * frame.target.longest,
            int((trusted & near).sum() - trusted[number]) if near[number] else 0,
        )
        for number, (each, posterior) in enumerate(zip(proposals, posteriors, strict=True))
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Moles:
    """Proposals, then anchors, as arrays of places; `options` and `own` are the candidates'.

    `known` are the anchors' places in the target, `sigmas` and `source` those of all.
    """

    source: Places
    options: list[Places]
    own: list[Array]
    strays_near: list[float]
    known: Places
    sigmas: Array
    area: float

    @classmethod
    def of(cls, proposals: Sequence[Proposal], anchors: Sequence[Anchor], frame: Frame) -> "_Moles":
        marks = [*(each.marked for each in proposals), *(anchor.marked for anchor in anchors)]
        sigmas = [each.position_std_px / frame.target.longest for each in proposals]
        return cls(
            np.array([_share(mark, frame.source) for mark in marks]),
            [
                np.array([_share(candidate.place, frame.target) for candidate in each.candidates])
                for each in proposals
            ],
            [np.array([c.confidence for c in each.candidates]) for each in proposals],
            [STRAYS_NEAR[each.by_geometry] for each in proposals],
            np.array([_share(anchor.there, frame.target) for anchor in anchors], dtype=complex),
            np.array([*sigmas, *[0.0] * len(anchors)]),
            frame.area,
        )

    def settled(self) -> tuple[Predicted, list[Array], Array]:
        """What is foreseen in the end, each candidate's probability, and everyone's weight."""
        best = np.array([places[0] for places in self.options])
        weights = np.array([odds[0] for odds in self.own])
        weights = weights * _first_doubts(self.source, np.append(best, self.known), weights)
        evidence = self.own
        for _ in range(ROUNDS):
            foreseen = self._foreseen(best, weights)
            evidence = [
                _evidence(places, foreseen, number, near, self.area)
                for number, (places, near) in enumerate(
                    zip(self.options, self.strays_near, strict=True)
                )
            ]
            trusts = [_updated(*each) for each in zip(self.own, evidence, strict=True)]
            best = np.array([p[t.argmax()] for p, t in zip(self.options, trusts, strict=True)])
            away = np.abs(best - foreseen.places[: len(best)])
            weights = np.array([trust.max() for trust in trusts])
            # What is sure of itself keeps its weight: bodies are not always as smooth as the map.
            weights = weights * pull(away, foreseen.variances[: len(best)]) ** (1 - weights)
        posteriors = [
            _updated(odds, np.clip(ratio, -MOST_EVIDENCE, MOST_EVIDENCE))
            for odds, ratio in zip(self.own, evidence, strict=True)
        ]
        return self._foreseen(best, weights), posteriors, self._all(weights)

    def _foreseen(self, best: Places, weights: Array) -> Predicted:
        return predict(self.source, np.append(best, self.known), self._all(weights), self.sigmas)

    def _all(self, weights: Array) -> Array:
        """The weights of all: anchors are true."""
        return np.append(weights, np.ones(len(self.known)))


def _evidence(places: Places, foreseen: Predicted, number: int, near: float, area: float) -> Array:
    """The logarithm of how much likelier each place is for the mole than for a mistake."""
    away = np.abs(places - foreseen.places[number])
    variance = np.full(len(places), foreseen.variances[number])
    right = density(away, variance, area)
    wrong = near * density(away, variance + STRAY**2, area) + (1 - near) / area
    return np.asarray(np.log(right / wrong))


def _updated(own: Array, evidence: Array) -> Array:
    """The probability of each candidate of a mole; what is missing to 1 is that none is right."""
    odds = own * np.exp(evidence)
    return np.asarray(odds / (odds.sum() + max(1 - own.sum(), 1e-6)))


def _first_doubts(source: Places, found: Places, confidences: Array) -> Array:
    """1 for moles that the best similarity through any two of them fits, `DOUBT` for others.

    Without it a few sure mistakes could bend the map to themselves before others speak.
    """
    weights = np.append(confidences, np.ones(len(source) - len(confidences)))
    if len(source) < 4:
        return np.ones(len(confidences))
    surest = sorted(range(len(source)), key=lambda i: (-weights[i], source[i].real, source[i].imag))
    best, fit = -1.0, np.ones(len(source), dtype=bool)
    for i, j in combinations(surest[:GUESSES_FROM], 2):
        apart = source[j] - source[i]
        if abs(apart) < FAR:
            continue
        factor = (found[j] - found[i]) / apart
        misses = np.abs(found - found[i] - factor * (source - source[i]))
        total = float(weights[misses < FAR].sum())
        if total > best + 1e-9:
            best, fit = total, misses < FAR
    return np.where(fit[: len(confidences)], 1.0, DOUBT)


def _ranked(candidates: Sequence[Candidate], posterior: Array) -> tuple[Candidate, ...]:
    judged = [
        Candidate(candidate.place, float(min(1.0, probability)))
        for candidate, probability in zip(candidates, posterior, strict=True)
    ]
    return tuple(sorted(judged, key=lambda candidate: -candidate.confidence))


def _share(point: Point, size: Size) -> complex:
    """A point as a share of the longer side from the photo's middle."""
    return complex(point.x - size.width / 2, point.y - size.height / 2) / size.longest


def _point(place: complex, size: Size) -> Point:
    """The inverse of `_share`."""
    x, y = place.real * size.longest, place.imag * size.longest
    return Point(float(x + size.width / 2), float(y + size.height / 2))
