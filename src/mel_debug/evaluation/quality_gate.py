"""Requirements on the measures, such as `pck@0.01=0.8`, so that a change for the worse fails a build."""

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
)
AT_MOST = (
    "wrong_accepted", "risk", "false_accepts", "ece", "median_px",
    "seconds_per_photo", "seconds_per_query", "peak_mb",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Requirement:
    """A bound on a measure: from below for those of `AT_LEAST`, else from above."""

    name: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> "Requirement":
        """Read `NAME=NUMBER`. Raises UsageError, listing the names there are."""
        name, _, number = text.partition("=")
        if name not in (*AT_LEAST, *AT_MOST):
            raise UsageError(
                f"`fail_under` knows no measure {name!r}; try one of: "
                f"{', '.join((*AT_LEAST, *AT_MOST))}"
            )
        try:
            bound = float(number)
        except ValueError:
            raise UsageError(f"`fail_under` takes {name}=NUMBER, not {text!r}") from None
        if not isfinite(bound):
            raise UsageError(f"`fail_under` takes a finite number for {name}, not {number!r}")
        return cls(name, bound)

    def complaint(self, summary: Summary) -> str | None:
        """What is wrong, in a few words; None if the demand is met. A missing value never is."""
        value = summary.measure(self.name)
        lower = self.name in AT_LEAST
        met = value is not None and (value >= self.bound if lower else value <= self.bound)
        if met:
            return None
        names = f"{summary.names['extractor']} {summary.names['matcher']}"
        shown = "not known" if value is None else f"{value:.4g}"
        return f"{self.name} is {shown}, {'under' if lower else 'over'} {self.bound:g} ({names})"


def complaints(demands: Sequence[Requirement], summaries: Sequence[Summary]) -> list[str]:
    """Every unmet demand of every configuration."""
    found = [demand.complaint(summary) for summary in summaries for demand in demands]
    return [complaint for complaint in found if complaint is not None]
