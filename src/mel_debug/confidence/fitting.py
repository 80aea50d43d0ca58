"""Fitting a calibration to labelled answers, with numpy and scipy only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.answers import Answer
from mel_debug.confidence.evidence import BETTER_WHEN_HIGHER, SPOT_AT_MATCH, WITHIN, Evidence
from mel_debug.confidence.model import Calibration, LogisticModel, Ramps, logistic
from mel_debug.core.errors import MelError

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

KNOTS = (0.01, 0.1, 0.25, 0.4, 0.6, 0.8, 0.97)
"""Quantiles of the values of one evidence at which its piecewise linear function bends."""

PENALTY = 1.0
"""Weight of the L2 penalty on rises, so that few answers don't fit steep ramps."""

FOLDS = 5
"""Folds of the cross-validation for Platt's correction."""

LEAST = 20
"""Least number of answers of either kind (right and wrong; absent and misplaced) for a fit."""

RADIUS_SHARE = 0.95
"""Share of right matches inside the radius: the radius coverage that is fitted."""

RADIUS_BINS = 8
"""Most bins of probability with a radius of their own."""

_RIGHT = dict.fromkeys(BETTER_WHEN_HIGHER, 1.0)
_ABSENT = dict.fromkeys(SPOT_AT_MATCH, -1.0)
"""The signs of rises that are laws; evidence without one rises or falls as its ranks do."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """The evidence of answers, whether each is of the kind that is fitted, and weights.

    `labels` is (answers,) bool and `weights` (answers,), with a mean of 1. `photos` are the
    targets, for the folds of the cross-validation. `signs` are the laws of the model.
    """

    evidence: list[Evidence]
    labels: Flags
    weights: Array
    photos: list[str]
    signs: Mapping[str, float]

    @classmethod
    def of(
        cls, answers: Sequence[Answer], labels: Flags, weights: Array, signs: Mapping[str, float]
    ) -> "_Sample":
        evidence = [answer.evidence for answer in answers]
        photos = [answer.target for answer in answers]
        return cls(evidence, labels, weights / weights.mean(), photos, signs)

    @property
    def too_few(self) -> bool:
        positives = int(self.labels.sum())
        return min(positives, len(self.labels) - positives) < LEAST

    def values(self, name: str) -> Array:
        return np.array([each.get(name, np.nan) for each in self.evidence], dtype=float)


def fit(
    answers: Sequence[Answer],
    names: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    caution: float = 1.0,
) -> Calibration:
    """A calibration from answers with known truth.

    `names` restricts the evidence. `weights`, above 0, are how much each answer counts, to balance
    kinds of photos. With a `caution` above 1 absent moles count so many times in the probability of
    a right match, which makes it lower where one may have gone. Without enough absent moles the
    probability of absence stays unknown. Raises MelError if there are too few right or wrong
    answers.
    """
    right = np.array([answer.right for answer in answers], dtype=bool)
    counts = np.ones(len(answers)) if weights is None else np.asarray(weights, dtype=float)
    absent = np.array([answer.truth is None for answer in answers], dtype=bool)
    cautious = counts * np.where(absent, caution, 1.0)
    sample = _Sample.of(answers, right, cautious, _RIGHT) if len(answers) else None
    if sample is None or sample.too_few:
        raise MelError(
            f"{right.sum()} right and {(~right).sum()} wrong answers are too few to calibrate; "
            f"{LEAST} of each are needed: add photos, or harder ones"
        )
    if names is None:
        names = sorted({name for each in sample.evidence for name in each})
    model = _model(sample, names)
    at, shares = _radii(model.probabilities(sample.evidence), answers)
    wrong = [answer for answer in answers if not answer.right]
    return Calibration(model, _absent_if_wrong(wrong, counts[~right], names), at, shares)


def _absent_if_wrong(
    wrong: Sequence[Answer], weights: Array, names: Sequence[str]
) -> LogisticModel | None:
    """The model of absence among wrong answers; None without enough absent moles.

    With too few wrong answers of moles that are there it does not depend on the evidence.
    """
    absent = np.array([answer.truth is None for answer in wrong], dtype=bool)
    sample = _Sample.of(wrong, absent, weights, _ABSENT)
    if absent.sum() < LEAST:
        return None
    if sample.too_few:
        # Laplace's rule of succession keeps the share below 1.
        return LogisticModel({}, float(np.log((absent.sum() + 1) / ((~absent).sum() + 1))))
    return _model(sample, names)


def _model(sample: _Sample, names: Sequence[str]) -> LogisticModel:
    """The model of the probability of `labels`."""
    bends = {name: _knots(name, sample) for name in names}
    ramps = {name: each for name, each in bends.items() if each is not None}
    columns = _columns(ramps, sample)
    # A sign of 0 is unrestricted: the last column of each evidence is 1 if it is unknown.
    signs = np.concatenate([[], *([*np.sign(each.rises), 0] for each in ramps.values())])
    offset, rises = _logistic_fit(columns, sample.labels, signs, sample.weights)
    stretch, shift = _platt(columns, sample, signs)
    ends = np.cumsum([len(each.knots) for each in ramps.values()])
    parts = np.split(rises, ends[:-1]) if ramps else []
    fitted = {
        name: Ramps(each.knots, part[:-1], float(part[-1]) if each.unknown else _worst(part[:-1]))
        for (name, each), part in zip(ramps.items(), parts, strict=True)
        if np.abs(part).max() > 1e-3
    }
    return LogisticModel(fitted, offset, stretch, shift)


def _knots(name: str, sample: _Sample) -> Ramps | None:
    """The knots of one evidence, with rises of +1 or -1 for its direction; None if it is useless.

    `unknown` is 1 if it is unknown for some answer, else 0. Without a law the direction is the sign
    of the rank correlation with the labels.
    """
    from scipy.stats import rankdata

    values = sample.values(name)
    known = np.isfinite(values)
    if known.sum() < 2 * LEAST:
        return None
    knots = np.unique(np.quantile(values[known], KNOTS))
    if len(knots) < 2:
        return None
    sign = sample.signs.get(name, 0.0)
    if not sign:
        ranks = rankdata(values[known])
        sign = -1.0 if np.cov(ranks, sample.labels[known])[0, 1] < 0 else 1.0
    return Ramps(knots, np.full(len(knots) - 1, sign), float((~known).any()))


def _worst(rises: Array) -> float:
    """The contribution of unknown evidence that was always known in fitting: its lowest."""
    return float(np.minimum(rises, 0).sum())


def _columns(ramps: Mapping[str, Ramps], sample: _Sample) -> Array:
    """For each evidence, its ramps and whether it is unknown: (answers, columns)."""
    parts = [np.empty((len(sample.evidence), 0))]
    for name, each in ramps.items():
        values = sample.values(name)
        parts += [each.columns(values), ~np.isfinite(values)[:, np.newaxis]]
    return np.concatenate(parts, axis=1).astype(float)


def _logistic_fit(
    columns: Array, which: Flags, signs: Array, weights: Array
) -> tuple[float, Array]:
    """Offset and rises of the penalised maximum likelihood fit; rises have their sign or are 0."""
    from scipy.optimize import minimize

    labels = which.astype(float)

    def loss(parameters: Array) -> tuple[float, Array]:
        logits = parameters[0] + columns @ parameters[1:]
        gap = weights * (logistic(logits) - labels)
        value = float(weights @ (np.logaddexp(0, logits) - labels * logits))
        value += PENALTY * float((parameters[1:] ** 2).sum())
        slope = np.concatenate([[gap.sum()], columns.T @ gap + 2 * PENALTY * parameters[1:]])
        return value, slope

    limits = {1: (0, None), -1: (None, 0), 0: (None, None)}
    bounds = [(None, None), *(limits[int(sign)] for sign in signs)]
    start = np.zeros(columns.shape[1] + 1)
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(found[0]), np.asarray(found[1:])


def _platt(columns: Array, sample: _Sample, signs: Array) -> tuple[float, float]:
    """Stretch and shift (Platt 1999) that calibrate logits of photos left out of the fit."""
    labels, weights = sample.labels, sample.weights
    order = {photo: number for number, photo in enumerate(dict.fromkeys(sample.photos))}
    # Photos of one person are adjacent, so that most people are left out as a whole.
    people = np.array([order[photo] * FOLDS // len(order) for photo in sample.photos])
    logits = np.zeros(len(labels))
    for fold in range(FOLDS):
        out = people == fold
        if not out.any() or len(set(labels[~out].tolist())) < 2:
            return 1.0, 0.0
        offset, rises = _logistic_fit(columns[~out], labels[~out], signs, weights[~out])
        logits[out] = offset + columns[out] @ rises
    shift, (stretch,) = _logistic_fit(logits[:, np.newaxis], labels, np.ones(1), weights)
    return max(float(stretch), 0.1), shift


def _radii(probabilities: Array, answers: Sequence[Answer]) -> tuple[Array, Array]:
    """Probabilities and the radii of right matches as shares of the longer side.

    Radii never rise with the probability, and are at most `WITHIN`, as the errors are.
    """
    right = np.array([answer.right for answer in answers], dtype=bool)
    errors = np.array([(answer.error_px or 0.0) / answer.longest for answer in answers])
    order = np.argsort(probabilities[right], kind="stable")
    at, shares = probabilities[right][order], errors[right][order]
    bins = max(1, min(RADIUS_BINS, len(at) // (2 * LEAST)))
    pieces = np.array_split(np.arange(len(at)), bins)
    middles = np.array([at[piece].mean() for piece in pieces])
    radii = np.array([np.quantile(shares[piece], RADIUS_SHARE) for piece in pieces])
    # From high probabilities down: a less probable match has no smaller radius.
    radii = np.maximum.accumulate(radii[::-1])[::-1]
    return middles, np.clip(radii, 1e-5, WITHIN)
