"""Configurations in order of accuracy, each compared with the best on the same queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.answers import Answer
from mel_debug.core.tables import aligned
from mel_debug.evaluation import metrics
from mel_debug.evaluation.summary import Result

SHARE = 0.01
"""Configurations are ordered by PCK at this share of the longer side."""

LEVEL = 0.05
"""A difference counts as real if one as large is rarer than this by chance."""

TITLE = f"ranking by PCK@{SHARE:g}; = marks what is not distinguishable from the best"

NOTE = (
    "difference: paired, on the queries that both searched, with its 95 % interval (bootstrap over "
    "whole photos). p: McNemar's exact test. Neither is corrected for the number of configurations."
)

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a configuration is below the best: paired, over `queries` that both searched.

    `interval` is a bootstrap over whole photos, None for fewer than two. `p` is that of McNemar's
    exact test (1947), which assumes independent queries.
    """

    share: float
    queries: int
    interval: metrics.Interval | None
    p: float

    @property
    def is_clear(self) -> bool:
        """Whether both the test and the interval exclude a difference by chance."""
        excludes_zero = self.interval is None or not self.interval[0] <= 0 <= self.interval[1]
        return self.p < LEVEL and excludes_zero


@dataclass(frozen=True, slots=True)
class Ranked:
    """A configuration's accuracy, and its difference from the best, which has none."""

    result: Result
    queries: int
    share: float | None
    interval: metrics.Interval | None
    difference: Difference | None

    @property
    def mark(self) -> str:
        """`best`, `=` if not distinguishable from it, else empty."""
        if self.difference is None:
            return "best"
        return "" if self.difference.is_clear else "="

    def as_json(self) -> dict[str, Any]:
        """The values by name."""
        difference = self.difference
        return {
            "configuration": self.result.configuration.label,
            "queries": self.queries,
            "pck": self.share,
            "interval": self.interval,
            "distinguishable": difference is not None and difference.is_clear,
            "difference": None if difference is None else difference.share,
            "difference_interval": None if difference is None else difference.interval,
            "p": None if difference is None else difference.p,
            "seconds_per_photo": self.result.seconds_per_photo,
            "seconds_per_query": self.result.seconds_per_query,
            "peak_mb": self.result.peak_mb,
        }


def ranked(results: Sequence[Result]) -> list[Ranked]:
    """All results, the most accurate first; those without queries last."""
    hits = [_hits(result.answers) for result in results]
    order = sorted(range(len(results)), key=lambda n: -_mean(hits[n]))
    best = hits[order[0]] if order else {}
    found = []
    for place, number in enumerate(order):
        own = hits[number]
        values = np.array(list(own.values()), dtype=bool)
        found.append(
            Ranked(
                results[number],
                len(own),
                metrics.share(values),
                metrics.wilson(int(values.sum()), values.size),
                None if place == 0 else paired_difference(own, best),
            )
        )
    return found


def paired_difference(own: dict[Key, bool], best: dict[Key, bool]) -> Difference:
    """The difference of two shares of hits on the queries that both have, by query."""
    shared = [key for key in best if key in own]
    ours = np.array([own[key] for key in shared], dtype=bool)
    theirs = np.array([best[key] for key in shared], dtype=bool)
    differences = ours.astype(float) - theirs
    share = float(differences.mean()) if shared else 0.0
    targets = [target for _, target, _ in shared]
    return Difference(
        share, len(shared), metrics.cluster_bootstrap(differences, targets), _mcnemar(ours, theirs)
    )


def _mcnemar(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> float:
    from scipy.stats import binomtest

    only_ours, only_theirs = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    if not only_ours + only_theirs:
        return 1.0
    return float(binomtest(only_ours, only_ours + only_theirs).pvalue)


def _hits(answers: Sequence[Answer]) -> dict[Key, bool]:
    """Whether each query with a true place is within the share, by source, target and mole."""
    return {
        (answer.source, answer.target, answer.uuid): error <= SHARE * answer.longest
        for answer in answers
        if (error := answer.error_px) is not None
    }


def _mean(hits: dict[Key, bool]) -> float:
    return sum(hits.values()) / len(hits) if hits else -1.0


HEAD = (
    "",
    "configuration",
    "queries",
    f"PCK@{SHARE:g}",
    "difference",
    "p",
    "s/photo",
    "s/query",
    "peak MB",
)


def ranking_rows(ranking: Sequence[Ranked]) -> list[list[str]]:
    """The table with its head, as texts."""
    return [list(HEAD), *map(_row, ranking)]


def ranking_text(ranking: Sequence[Ranked]) -> str:
    """The table as text, with its title and its legend."""
    return "\n".join([TITLE, "", *aligned(ranking_rows(ranking)), "", NOTE])


def _row(each: Ranked) -> list[str]:
    result, difference = each.result, each.difference
    costs = (
        (result.seconds_per_photo, 2),
        (result.seconds_per_query, 3),
        (result.peak_mb, 0),
    )
    return [
        each.mark,
        result.configuration.label,
        str(each.queries),
        _share(each.share, each.interval, "[{:.0%} to {:.0%}]"),
        "-"
        if difference is None
        else _share(difference.share, difference.interval, "{{{:+.0%} to {:+.0%}}}", sign="+"),
        "-" if difference is None else f"{difference.p:.2g}",
        *("-" if value is None else f"{value:.{digits}f}" for value, digits in costs),
    ]


def _share(
    share: float | None, interval: metrics.Interval | None, form: str, sign: str = ""
) -> str:
    if share is None:
        return "-"
    value = f"{share:{sign}.1%}"
    return value if interval is None else f"{value} {form.format(*interval)}"
