"""Fitting a calibration to labelled answers, with numpy and scipy only."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.answers import Answer
from mel_debug.confidence.evidence import BETTER_WHEN_HIGHER, Evidence
from mel_debug.confidence.model import Calibration, Ramps, logistic
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
"""Least number of right and of wrong answers that can be fitted."""

RADIUS_SHARE = 0.95
"""Share of present moles inside the radius: the radius coverage that is fitted."""

RADIUS_BINS = 8
"""Most bins of probability with a radius of their own."""


def fit(answers: Sequence[Answer], names: Sequence[str] | None = None) -> Calibration:
    """A calibration from answers with known truth; `names` restricts the evidence.

    Raises MelError if there are too few right or wrong answers.
    """
    right = np.array([answer.right for answer in answers], dtype=bool)
    if min(right.sum(), (~right).sum()) < LEAST:
        raise MelError(
            f"{right.sum()} right and {(~right).sum()} wrong answers are too few to calibrate; "
            f"{LEAST} of each are needed: add photos, or harder ones"
        )
    evidence = [answer.evidence for answer in answers]
    if names is None:
        names = sorted({name for each in evidence for name in each})
    bends = {name: _knots(name, evidence, right) for name in names}
    ramps = {name: each for name, each in bends.items() if each is not None}
    columns = _columns(ramps, evidence)
    # A sign of 0 is unrestricted: the last column of each evidence is 1 if it is unknown.
    signs = np.concatenate([[*np.sign(each.rises), 0] for each in ramps.values()])
    offset, rises = _logistic_fit(columns, right, signs)
    stretch, shift = _platt(columns, right, signs, [answer.target for answer in answers])
    ends = np.cumsum([len(each.knots) for each in ramps.values()])
    parts = np.split(rises, ends[:-1])
    fitted = {
        name: Ramps(each.knots, part[:-1], float(part[-1]) if each.unknown else _worst(part[:-1]))
        for (name, each), part in zip(ramps.items(), parts, strict=True)
        if np.abs(part).max() > 1e-3
    }
    one = Calibration(fitted, offset, stretch, shift, np.array([0.0]), np.array([1.0]))
    at, shares = _radii(one.probabilities(evidence), answers)
    return Calibration(fitted, offset, stretch, shift, at, shares)


def _knots(name: str, evidence: list[Evidence], right: Flags) -> Ramps | None:
    """The knots of one evidence, with rises of +1 or -1 for its direction; None if it is useless.

    `unknown` is 1 if it is unknown for some answer, else 0. For a matcher's own support the
    direction is the sign of its rank correlation with right answers.
    """
    from scipy.stats import rankdata

    values = np.array([each.get(name, np.nan) for each in evidence], dtype=float)
    known = np.isfinite(values)
    if known.sum() < 2 * LEAST:
        return None
    knots = np.unique(np.quantile(values[known], KNOTS))
    if len(knots) < 2:
        return None
    sign = 1.0
    if name not in BETTER_WHEN_HIGHER:
        ranks = rankdata(values[known])
        sign = -1.0 if np.cov(ranks, right[known])[0, 1] < 0 else 1.0
    return Ramps(knots, np.full(len(knots) - 1, sign), float((~known).any()))


def _worst(rises: Array) -> float:
    """The contribution of unknown evidence that was always known in fitting: its lowest."""
    return float(np.minimum(rises, 0).sum())


def _columns(ramps: dict[str, Ramps], evidence: list[Evidence]) -> Array:
    """For each evidence, its ramps and whether it is unknown: (answers, columns)."""
    parts = []
    for name, each in ramps.items():
        values = np.array([found.get(name, np.nan) for found in evidence], dtype=float)
        parts += [each.columns(values), ~np.isfinite(values)[:, np.newaxis]]
    return np.concatenate(parts, axis=1).astype(float)


def _logistic_fit(columns: Array, right: Flags, signs: Array) -> tuple[float, Array]:
    """Offset and rises of the penalised maximum likelihood fit; rises have their sign or are 0."""
    from scipy.optimize import minimize

    labels = right.astype(float)

    def loss(parameters: Array) -> tuple[float, Array]:
        logits = parameters[0] + columns @ parameters[1:]
        gap = logistic(logits) - labels
        value = float(np.logaddexp(0, logits).sum() - (labels * logits).sum())
        value += PENALTY * float((parameters[1:] ** 2).sum())
        slope = np.concatenate([[gap.sum()], columns.T @ gap + 2 * PENALTY * parameters[1:]])
        return value, slope

    limits = {1: (0, None), -1: (None, 0), 0: (None, None)}
    bounds = [(None, None), *(limits[int(sign)] for sign in signs)]
    start = np.zeros(columns.shape[1] + 1)
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(found[0]), np.asarray(found[1:])


def _platt(columns: Array, right: Flags, signs: Array, photos: list[str]) -> tuple[float, float]:
    """Stretch and shift (Platt 1999) that calibrate logits of photos left out of the fit."""
    order = {photo: number for number, photo in enumerate(dict.fromkeys(photos))}
    # Photos of one person are adjacent, so that most people are left out as a whole.
    people = np.array([order[photo] * FOLDS // len(order) for photo in photos])
    logits = np.zeros(len(right))
    for fold in range(FOLDS):
        out = people == fold
        if not out.any() or len(set(right[~out].tolist())) < 2:
            return 1.0, 0.0
        offset, rises = _logistic_fit(columns[~out], right[~out], signs)
        logits[out] = offset + columns[out] @ rises
    shift, (stretch,) = _logistic_fit(logits[:, np.newaxis], right, np.ones(1))
    return max(float(stretch), 0.1), shift


def _radii(probabilities: Array, answers: Sequence[Answer]) -> tuple[Array, Array]:
    """Probabilities and their radii as shares of the longer side; radii never rise.

    Absent moles have no error and are left out.
    """
    errors = np.array([(answer.error_px or 0.0) / answer.longest for answer in answers])
    present = np.array([answer.truth is not None for answer in answers])
    order = np.argsort(probabilities[present], kind="stable")
    at, shares = probabilities[present][order], errors[present][order]
    bins = max(1, min(RADIUS_BINS, len(at) // (2 * LEAST)))
    pieces = np.array_split(np.arange(len(at)), bins)
    middles = np.array([at[piece].mean() for piece in pieces])
    radii = np.array([np.quantile(shares[piece], RADIUS_SHARE) for piece in pieces])
    # From high probabilities down: a less probable match has no smaller radius.
    radii = np.maximum.accumulate(radii[::-1])[::-1]
    return middles, np.maximum(radii, 1e-5)
