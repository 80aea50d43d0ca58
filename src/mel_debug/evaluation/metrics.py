"""The measures, over plain arrays; each is tested against cases worked out by hand."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Interval = tuple[float, float]

BINS = 10
RESAMPLES = 2000


def share(hits: Flags) -> float | None:
    """The share of hits; None where nothing was asked."""
    return float(hits.mean()) if hits.size else None


def wilson(hits: int, count: int) -> Interval | None:
    """Wilson's 95 % interval of a share (1927); takes the queries for independent."""
    from scipy.stats import binomtest

    if not count:
        return None
    interval = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def photo_bootstrap(
    hits: Flags, photos: Sequence[Hashable], *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """A 95 % interval of a share by drawing whole photos, as queries of one photo are correlated.

    The percentile bootstrap over clusters (Field and Welsh 2007). One photo gives no interval.
    """
    names = {photo: number for number, photo in enumerate(dict.fromkeys(photos))}
    if len(names) < 2:
        return None
    group = np.array([names[photo] for photo in photos])
    right = np.bincount(group, weights=hits, minlength=len(names))
    count = np.bincount(group, minlength=len(names))
    drawn = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    shares = right[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def auroc(confidences: Array, right: Flags) -> float | None:
    """How often a right answer has more confidence than a wrong one; a tie counts half.

    From the ranks (Mann and Whitney 1947). None unless there are answers of both kinds.
    """
    from scipy.stats import rankdata

    positives = int(right.sum())
    negatives = right.size - positives
    if not positives or not negatives:
        return None
    ranks = rankdata(confidences)
    excess = ranks[right].sum() - positives * (positives + 1) / 2
    return float(excess / (positives * negatives))


def reliability(
    confidences: Array, right: Flags, bins: int = BINS
) -> list[tuple[float, float, int]]:
    """Mean confidence, share of right answers, and count, of each bin of equal width with any."""
    which = np.minimum((confidences * bins).astype(int), bins - 1)
    return [
        (float(confidences[which == n].mean()), float(right[which == n].mean()), int(count))
        for n in range(bins)
        if (count := (which == n).sum())
    ]


def calibration_error(confidences: Array, right: Flags, bins: int = BINS) -> float | None:
    """Expected calibration error: mean gap of confidence and share of right, weighted by count.

    Naeini, Cooper and Hauskrecht 2015, with bins of equal width.
    """
    if not confidences.size:
        return None
    table = reliability(confidences, right, bins)
    return float(sum(abs(mean - hit) * count for mean, hit, count in table) / confidences.size)


def risk_coverage(confidences: Array, right: Flags) -> tuple[Array, Array]:
    """Coverage (share of answers accepted) and risk (share of those that are wrong).

    One point for each threshold that some answer's confidence gives, highest first.
    """
    order = np.argsort(-confidences, kind="stable")
    accepted = np.arange(1, order.size + 1)
    risks = np.cumsum(~right[order]) / accepted
    last = np.append(np.diff(confidences[order]) != 0, True)[: order.size]
    return (accepted / max(order.size, 1))[last], risks[last]
