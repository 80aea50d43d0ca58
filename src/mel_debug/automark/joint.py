"""Joint inference over the moles of one pair of photos: the probability of each candidate place.

The constants were chosen on generated sessions of the seeds 700 to 703 (`benchmarks/automark.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mel_debug.automark.alignment import (
    Array,
    Places,
)
from mel_debug.automark.mixture import SOFT_SHARE, Mixture, mix
from mel_debug.core.geometry import Point, Size

# The effect of the constants below was measured by `benchmarks/constants.py joint` on 60 generated
# pairs with simulated searches: 30 % of places wrong, half of those near the right one. Figures are
# the mean log likelihood of right and wrong: -0.098 with these values, and 98.0 % on the right side
# of 0.5. They were taken with a stiff map alone, before `mixture`.

WRONG_STD = 0.01
"""Standard deviation of wrong places that lie near the prediction, summed over x and y.

In longer sides. A geometric matcher is led to the same region even if the mole is gone: on
generated photos 88 % of its wrong places lay within 0.02 and half within 0.008.
"""

WRONG_NEAR_SHARE = {True: 0.95, False: 0.2}
"""Share of wrong places that lie near the prediction, for geometric matchers (see `WRONG_STD`) and
for others, which is a guess: by similarity alone a place may be anywhere."""

MAX_LOG_RATIO = 6.0
"""Likelihood ratios are limited to exp(6) either way, so that no single prediction decides. Log
likelihood at 2, 4, 6: -0.124, -0.100, -0.098."""

ROUNDS = 12
"""Rounds of expectation maximisation. Log likelihood after 3, 6, 12, 24: -0.158, -0.098, -0.098,
-0.098."""

MISFIT_SHARE = 0.05
"""A mole further than this from the initial similarity does not fit it, in longer sides. From
0.0125 to 0.2 the log likelihood stays within 0.002."""

PAIR_MOLES = 24
"""Each pair of this many moles, those with the highest confidence, proposes a similarity. The
photos measured have 15 moles each; from 6 on nothing changes."""

MISFIT_WEIGHT = 1e-4
"""The factor on the weight of moles that do not fit the initial similarity. From 1e-8 to 0.1 the
log likelihood stays within 0.001; at 1 it falls to -0.101."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible place of a mole, in pixels of the target, and the probability that it is right."""

    place: Point
    confidence: float

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"a confidence lies in [0, 1], not {self.confidence}")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mole and its candidates in the target; `marked` is in pixels of the source.

    The first candidate is the best match. `by_geometry` is whether the matcher used the
    surroundings of the mole. `position_std_px` is the standard deviation of a right place due to
    the resolution of the matcher, summed over x and y, in pixels of the target.
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
    """A mole with canonical marks in both photos, in pixels of source and target."""

    uuid: str
    marked: Point
    marked_in_target: Point


@dataclass(frozen=True, slots=True)
class InferredMole:
    """A mole's candidates with their posterior probabilities, the most probable first.

    `expected` is the place predicted from all other moles, in pixels of the target, and
    `expected_px` its standard deviation. `agreeing` is the number of other moles that fit the
    alignment; 0 if this mole does not fit it.
    """

    uuid: str
    candidates: tuple[Candidate, ...]
    expected: Point
    expected_px: float
    agreeing: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The sizes of two photos in pixels; `valid` is the share of the target inside its mask."""

    source: Size
    target: Size
    valid: float = 1.0

    @property
    def area(self) -> float:
        """The valid area of the target, in squared longer sides."""
        size = self.target
        return max(self.valid, 1e-3) * size.width * size.height / size.longest**2


def infer_jointly(
    proposals: Sequence[Proposal],
    anchors: Sequence[Anchor],
    frame: Frame,
    consistency_px: float,
) -> list[InferredMole]:
    """The posterior probability of every candidate, given the places of all other moles.

    A candidate's own odds are multiplied by a likelihood ratio: the density of right places there,
    predicted from the other moles, over the density of wrong ones. Moles are weighted by their own
    probability, so this is repeated (expectation maximisation with leave-one-out predictions).
    A mole fits the alignment if its residual is at most `consistency_px`, in pixels of the target.
    The result does not depend on the order of moles.
    """
    if not proposals:
        return []
    moles = _Moles.of(proposals, anchors, frame)
    mixture, posteriors, weights = moles.infer()
    trusted = weights >= 0.5
    # By the stiff map: the soft one fits a confident mole wherever it lies.
    fits = mixture.stiff.residuals * frame.target.longest <= consistency_px
    places, stds = mixture.places, np.sqrt(mixture.variances)
    return [
        InferredMole(
            each.uuid,
            _ranked(each.candidates, posterior),
            _point(places[number], frame.target),
            float(stds[number]) * frame.target.longest,
            int((trusted & fits).sum() - trusted[number]) if fits[number] else 0,
        )
        for number, (each, posterior) in enumerate(zip(proposals, posteriors, strict=True))
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Moles:
    """Proposals and anchors as arrays.

    `candidates` and `probabilities` have an array for each proposal, `anchors` the places of the
    anchors in the target; `source` and `sigmas` cover proposals, then anchors.
    """

    source: Places
    candidates: list[Places]
    probabilities: list[Array]
    wrong_near: list[float]
    anchors: Places
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
            [WRONG_NEAR_SHARE[each.by_geometry] for each in proposals],
            np.array(
                [_share(anchor.marked_in_target, frame.target) for anchor in anchors], dtype=complex
            ),
            np.array([*sigmas, *[0.0] * len(anchors)]),
            frame.area,
        )

    def infer(self) -> tuple[Mixture, list[Array], Array]:
        """The final prediction, the posterior of each candidate, and the weights of all moles."""
        best = np.array([places[0] for places in self.candidates])
        weights = np.array([odds[0] for odds in self.probabilities])
        weights = weights * _initial_weights(self.source, np.append(best, self.anchors), weights)
        mixture = self._mix(best, weights, np.full(len(self.source), SOFT_SHARE))
        ratios = self.probabilities
        for _ in range(ROUNDS):
            ratios = [
                _log_ratios(places, mixture, number, near)
                for number, (places, near) in enumerate(
                    zip(self.candidates, self.wrong_near, strict=True)
                )
            ]
            trusts = [_posterior(*each) for each in zip(self.probabilities, ratios, strict=True)]
            best = np.array([p[t.argmax()] for p, t in zip(self.candidates, trusts, strict=True)])
            weights = np.array([trust.max() for trust in trusts])
            found = np.append(best, self.anchors)
            # Confident matches keep their weight: bodies are not always as smooth as the maps.
            robust = mixture.robust_weights(found)[: len(best)]
            weights = weights * robust ** (1 - weights)
            mixture = self._mix(best, weights, mixture.is_soft(found))
        posteriors = [
            _posterior(prior, np.clip(ratio, -MAX_LOG_RATIO, MAX_LOG_RATIO))
            for prior, ratio in zip(self.probabilities, ratios, strict=True)
        ]
        return mixture, posteriors, self._with_anchors(weights)

    def _mix(self, best: Places, weights: Array, is_soft: Array) -> Mixture:
        found = np.append(best, self.anchors)
        trusts = self._with_anchors(weights)
        return mix(self.source, found, trusts, self.sigmas, is_soft, self.area)

    def _with_anchors(self, weights: Array) -> Array:
        """The weights of all moles; anchors are certain."""
        return np.append(weights, np.ones(len(self.anchors)))


def _log_ratios(places: Places, mixture: Mixture, number: int, wrong_near: float) -> Array:
    """The logarithm of the density of right over wrong places, at each candidate of a mole."""
    right = mixture.density(number, places)
    near = mixture.density(number, places, WRONG_STD**2)
    wrong = wrong_near * near + (1 - wrong_near) / mixture.area
    return np.asarray(np.log(right / wrong))


def _posterior(prior: Array, log_ratios: Array) -> Array:
    """The probability of each candidate of a mole; the rest to 1 is that none is right."""
    odds = prior * np.exp(log_ratios)
    return np.asarray(odds / (odds.sum() + max(1 - prior.sum(), 1e-6)))


def _initial_weights(source: Places, found: Places, confidences: Array) -> Array:
    """1 for moles that fit the best similarity through two moles, `MISFIT_WEIGHT` for others.

    Without it, a few confident but wrong matches could determine the map in the first round.
    """
    weights = np.append(confidences, np.ones(len(source) - len(confidences)))
    if len(source) < 4:
        return np.ones(len(confidences))
    ranked = sorted(range(len(source)), key=lambda i: (-weights[i], source[i].real, source[i].imag))
    best, fit = -1.0, np.ones(len(source), dtype=bool)
    for i, j in combinations(ranked[:PAIR_MOLES], 2):
        step = source[j] - source[i]
        if abs(step) < MISFIT_SHARE:
            continue
        factor = (found[j] - found[i]) / step
        residuals = np.abs(found - found[i] - factor * (source - source[i]))
        total = float(weights[residuals < MISFIT_SHARE].sum())
        if total > best + 1e-9:
            best, fit = total, residuals < MISFIT_SHARE
    return np.where(fit[: len(confidences)], 1.0, MISFIT_WEIGHT)


def _ranked(candidates: Sequence[Candidate], posterior: Array) -> tuple[Candidate, ...]:
    ranked = [
        Candidate(candidate.place, float(min(1.0, probability)))
        for candidate, probability in zip(candidates, posterior, strict=True)
    ]
    return tuple(sorted(ranked, key=lambda candidate: -candidate.confidence))


def _share(point: Point, size: Size) -> complex:
    """A point in longer sides, relative to the centre of the photo."""
    return complex(point.x - size.width / 2, point.y - size.height / 2) / size.longest


def _point(place: complex, size: Size) -> Point:
    """The inverse of `_share`."""
    x, y = place.real * size.longest, place.imag * size.longest
    return Point(float(x + size.width / 2), float(y + size.height / 2))
