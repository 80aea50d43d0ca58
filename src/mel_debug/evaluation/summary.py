"""The measures of one configuration, computed from its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.answers import Answer
from mel_debug.confidence.calibrations import DEFAULT_THRESHOLD
from mel_debug.evaluation import metrics
from mel_debug.evaluation.configurations import Configuration
from mel_debug.evaluation.searches import Task
from mel_debug.evaluation.state import State

WITHIN_PX = (10, 20, 50, 100)
"""Native pixels of the target within which answers are counted."""

PCK = (0.01, 0.02, 0.05)
"""Shares of the target's longer side within which an answer is a correct keypoint (PCK)."""


@dataclass(frozen=True, slots=True)
class Result:
    """The answers of one configuration, mean seconds per photo and query, and peak memory in MB."""

    configuration: Configuration
    answers: tuple[Answer, ...]
    seconds_per_photo: float | None
    seconds_per_query: float | None
    peak_mb: float | None


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with two 95 % intervals; None if it has no queries.

    `wilson` is Wilson's interval, `photos` a bootstrap over whole photos.
    """

    value: float | None
    wilson: metrics.Interval | None
    photos: metrics.Interval | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts and rates of one configuration.

    `queries` counts moles with a true position, `absent` moles known to be absent. `coverage` is
    the share of queries accepted. `risk` is the share of accepted answers that are more than 0.8 %
    of the longer side off, `wrong_accepted` the share that are more than 50 px off; an accepted
    absent mole counts in both. `false_accepts` is the share of absent moles accepted, and
    `radius_coverage` the share of accepted right answers whose error is within their radius.
    `absent_found` is the share of absent moles that are reported as probably not there, and
    `false_absent` the share of queries that are.

    `auroc` and `ece` (expected calibration error) are over all answers, as is `reliability`, the
    table of confidence against the share of right answers. `absent_ece` and `absent_reliability`
    are the same for the probability of absence; None if it is unknown.
    """

    names: dict[str, Any]
    queries: int
    absent: int
    within_px: dict[str, int]
    rates: dict[str, Rate]
    median_px: float | None
    auroc: float | None
    ece: float | None
    absent_ece: float | None
    reliability: tuple[metrics.ReliabilityBin, ...]
    absent_reliability: tuple[metrics.ReliabilityBin, ...] | None
    seconds_per_photo: float | None
    seconds_per_query: float | None
    peak_mb: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the values by name, and the 95 % intervals of every rate under `intervals`."""
        rates = {name: rate.value for name, rate in self.rates.items()}
        return {
            **self.names,
            "queries": self.queries,
            "absent": self.absent,
            "within_px": self.within_px,
            "pck": {f"{alpha:g}": rates[f"pck@{alpha:g}"] for alpha in PCK},
            "median_px": self.median_px,
            "auroc": self.auroc,
            **{name: rates[name] for name in ("coverage", "risk", "wrong_accepted")},
            **{name: rates[name] for name in ("false_accepts", "absent_found", "false_absent")},
            "ece": self.ece,
            "absent_ece": self.absent_ece,
            "reliability": _bins_as_json(self.reliability),
            "absent_reliability": _bins_as_json(self.absent_reliability),
            "radius_coverage": rates["radius_coverage"],
            "seconds_per_photo": self.seconds_per_photo,
            "seconds_per_query": self.seconds_per_query,
            "peak_mb": self.peak_mb,
            "intervals": {
                name: {"wilson": rate.wilson, "photos": rate.photos}
                for name, rate in self.rates.items()
            },
        }

    def measure(self, name: str) -> float | None:
        """Return a measure by its name in the quality gate, such as `pck@0.01` or `auroc`.

        Raises KeyError for an unknown name.
        """
        if name in self.rates:
            return self.rates[name].value
        others = {"median_px": self.median_px, "auroc": self.auroc, "ece": self.ece}
        others |= {
            "absent_ece": self.absent_ece,
            "seconds_per_photo": self.seconds_per_photo,
            "seconds_per_query": self.seconds_per_query,
            "peak_mb": self.peak_mb,
        }
        return others[name]


def results_of(
    tasks: Sequence[Task], state: State, threshold: float = DEFAULT_THRESHOLD
) -> list[Result]:
    """Return the finished answers of each configuration, judged with the current calibration.

    Configurations without finished tasks are left out. Raises MelError if the user's calibration
    file is damaged.
    """
    results = []
    for configuration in dict.fromkeys(task.configuration for task in tasks):
        keys = [task.key for task in tasks if task.configuration == configuration]
        done = [state.finished[key] for key in keys if key in state.finished]
        if not done:
            continue
        judge = configuration.run.judge(threshold)
        answers = tuple(answer.with_confidence(judge) for each in done for answer in each.answers)
        photos = [seconds for each in done for seconds in each.photo_seconds]
        peaks = [each.peak_mb for each in done if each.peak_mb is not None]
        results.append(
            Result(
                configuration,
                answers,
                float(np.mean(photos)) if photos else None,
                sum(each.match_seconds for each in done) / len(answers) if answers else None,
                max(peaks, default=None),
            )
        )
    return results


def summary_of(result: Result) -> Summary:
    """Return all measures of a result."""
    answers = result.answers
    present = [answer for answer in answers if answer.truth is not None]
    absent = [answer for answer in answers if answer.truth is None]
    accepted = [answer for answer in answers if not answer.uncertain]
    errors = np.array([_error(answer) for answer in present])
    confidences = np.array([answer.confidence for answer in answers])
    right = np.array([answer.right for answer in answers], dtype=bool)
    known = [answer for answer in answers if answer.absent is not None]
    absences = np.array([answer.absent for answer in known], dtype=float)
    gone = np.array([answer.truth is None for answer in known], dtype=bool)
    rates = {f"within@{px}": _rate(present, partial(_within, pixels=px)) for px in WITHIN_PX}
    rates |= {f"pck@{alpha:g}": _rate(present, partial(_within, share=alpha)) for alpha in PCK}
    rates |= {
        "coverage": _rate(present, lambda a: not a.uncertain),
        "risk": _rate(accepted, lambda a: not a.right),
        "wrong_accepted": _rate(accepted, lambda a: not a.acceptable),
        "false_accepts": _rate(absent, lambda a: not a.uncertain),
        "radius_coverage": _rate(
            [a for a in accepted if a.right], lambda a: _error(a) <= a.radius_px
        ),
        "absent_found": _rate(absent, lambda a: a.probably_absent),
        "false_absent": _rate(present, lambda a: a.probably_absent),
    }
    return Summary(
        names=result.configuration.names,
        queries=len(present),
        absent=len(absent),
        within_px={str(px): int((errors <= px).sum()) for px in WITHIN_PX},
        rates=rates,
        median_px=float(np.median(errors)) if errors.size else None,
        auroc=metrics.auroc(confidences, right),
        ece=metrics.calibration_error(confidences, right),
        absent_ece=metrics.calibration_error(absences, gone),
        reliability=tuple(metrics.reliability(confidences, right)),
        absent_reliability=tuple(metrics.reliability(absences, gone)) if known else None,
        seconds_per_photo=result.seconds_per_photo,
        seconds_per_query=result.seconds_per_query,
        peak_mb=result.peak_mb,
    )


def _bins_as_json(bins: Sequence[metrics.ReliabilityBin] | None) -> list[dict[str, Any]] | None:
    """Each bin's values by name, its borders as `from` and `to`."""
    if bins is None:
        return None
    return [
        {"from": each.low, "to": each.high, "answers": each.count}
        | {"mean": each.mean, "share": each.share}
        for each in bins
    ]


def _error(answer: Answer) -> float:
    error = answer.error_px
    return float("nan") if error is None else error


def _within(answer: Answer, *, pixels: float = 0.0, share: float = 0.0) -> bool:
    return _error(answer) <= pixels + share * answer.longest


def _rate(answers: Sequence[Answer], hit: Callable[[Answer], bool]) -> Rate:
    hits: NDArray[np.bool_] = np.array([hit(answer) for answer in answers], dtype=bool)
    return Rate(
        metrics.share(hits),
        metrics.wilson(int(hits.sum()), hits.size),
        metrics.photo_bootstrap(hits, [answer.target for answer in answers]),
    )
