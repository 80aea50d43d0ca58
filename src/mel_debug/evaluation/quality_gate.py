"""The quality gate: bounds on measures, such as `pck@0.01=0.8`, that fail a build if missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from mel_debug.core.errors import UsageError
from mel_debug.evaluation.summary import PCK, WITHIN_PX, Summary

AT_LEAST = (
    *(f"pck@{alpha:g}" for alpha in PCK),
    *(f"within@{px}" for px in WITHIN_PX),
    "auroc",
    "coverage",
    "radius_coverage",
    "absent_found",
)
"""Measures that are better when larger."""

AT_MOST = (
    "wrong_accepted", "risk", "false_accepts", "false_absent", "ece", "absent_ece", "median_px",
    "seconds_per_photo", "seconds_per_query", "peak_mb",
)  # fmt: skip
"""Measures that are better when smaller."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A bound on a measure: a lower one for measures in `AT_LEAST`, else an upper one."""

    name: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> "Requirement":
        """Parse `NAME=NUMBER`. Raises UsageError for an unknown name or a non-finite number."""
        name, _, number = text.partition("=")
        if name not in (*AT_LEAST, *AT_MOST):
            raise UsageError(
                f"`fail_under`: there is no measure {name!r}; try one of: "
                f"{', '.join((*AT_LEAST, *AT_MOST))}"
            )
        try:
            bound = float(number)
        except ValueError:
            raise UsageError(f"`fail_under` needs {name}=NUMBER, not {text!r}") from None
        if not isfinite(bound):
            raise UsageError(f"`fail_under` needs a finite number for {name}, not {number!r}")
        return cls(name, bound)

    def violation(self, summary: Summary) -> str | None:
        """Return how a summary misses the bound, or None if it meets it.

        A measure without a value misses every bound.
        """
        value = summary.measure(self.name)
        lower = self.name in AT_LEAST
        met = value is not None and (value >= self.bound if lower else value <= self.bound)
        if met:
            return None
        names = f"{summary.names['extractor']} {summary.names['matcher']}"
        text = "unknown" if value is None else f"{value:.4g}"
        return f"{self.name} is {text}, {'under' if lower else 'over'} {self.bound:g} ({names})"


def violations(requirements: Sequence[Requirement], summaries: Sequence[Summary]) -> list[str]:
    """Return a text for every requirement that a configuration does not meet."""
    found = [each.violation(summary) for summary in summaries for each in requirements]
    return [violation for violation in found if violation is not None]
