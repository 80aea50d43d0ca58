"""Measures over plain arrays."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Interval = tuple[float, float]

BINS = 10
"""Bins of equal width for the calibration error; chosen by hand."""

RESAMPLES = 2000
"""Bootstrap resamples; chosen by hand."""


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers whose probability lies in [`low`, `high`), or up to 1 in the last bin.

    `mean` is their mean probability and `share` the share for which the event came true.
    """

    low: float
    high: float
    count: int
    mean: float
    share: float


def share(hits: Flags) -> float | None:
    """Return the share of hits; None for an empty array."""
    return float(hits.mean()) if hits.size else None


def wilson(hits: int, count: int) -> Interval | None:
    """Return Wilson's 95 % interval of a share (1927), which assumes independent queries."""
    from scipy.stats import binomtest

    if not count:
        return None
    interval = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def photo_bootstrap(
    hits: Flags, photos: Sequence[Hashable], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """Return a 95 % interval of a share by resampling whole photos: their queries are correlated.

    The percentile bootstrap over clusters (Field and Welsh 2007). None for fewer than two photos.
    """
    return cluster_bootstrap(hits.astype(float), photos, resamples=resamples, seed=seed)


def cluster_bootstrap(
    values: Array, photos: Sequence[Hashable], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """Return a 95 % interval of a mean by resampling whole photos, like `photo_bootstrap`."""
    names = {photo: number for number, photo in enumerate(dict.fromkeys(photos))}
    if len(names) < 2:
        return None
    group = np.array([names[photo] for photo in photos])
    total = np.bincount(group, weights=values, minlength=len(names))
    count = np.bincount(group, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def auroc(confidences: Array, right: Flags) -> float | None:
    """Return how often a right answer has a higher confidence than a wrong one; a tie counts half.

    Computed from ranks (Mann and Whitney 1947). None unless there are right and wrong answers.
    """
    from scipy.stats import rankdata

    positives = int(right.sum())
    negatives = right.size - positives
    if not positives or not negatives:
        return None
    ranks = rankdata(confidences)
    excess = ranks[right].sum() - positives * (positives + 1) / 2
    return float(excess / (positives * negatives))


def reliability(probabilities: Array, events: Flags, bins: int = BINS) -> list[ReliabilityBin]:
    """Return the non-empty ones of bins of equal width over [0, 1]."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            n / bins,
            (n + 1) / bins,
            int(inside.sum()),
            float(probabilities[inside].mean()),
            float(events[inside].mean()),
        )
        for n in range(bins)
        if (inside := which == n).any()
    ]


def calibration_error(confidences: Array, right: Flags, bins: int = BINS) -> float | None:
    """Return the expected calibration error (Naeini, Cooper and Hauskrecht 2015).

    The mean difference between confidence and share of right answers over bins of equal width,
    weighted by their counts. None without answers.
    """
    if not confidences.size:
        return None
    table = reliability(confidences, right, bins)
    return float(sum(abs(each.mean - each.share) * each.count for each in table) / confidences.size)


def risk_coverage(confidences: Array, right: Flags) -> tuple[Array, Array]:
    """Return coverage (share of answers accepted) and risk (share of those that are wrong).

    One point for each distinct confidence as the threshold, from the highest down.
    """
    order = np.argsort(-confidences, kind="stable")
    accepted = np.arange(1, order.size + 1)
    risks = np.cumsum(~right[order]) / accepted
    last = np.append(np.diff(confidences[order]) != 0, True)[: order.size]
    return (accepted / max(order.size, 1))[last], risks[last]
