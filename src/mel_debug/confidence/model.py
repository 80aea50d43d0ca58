"""The model that maps evidence to the probability of a right match and to a radius."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.evidence import Evidence

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ramps:
    """A piecewise linear function of one evidence, which adds to the logit.

    It changes by `rises[i]` between `knots[i]` and `knots[i + 1]`, and is constant beyond the outer
    knots. `unknown` is its value for unknown evidence.
    """

    knots: Array
    rises: Array
    unknown: float

    @property
    def most(self) -> float:
        """The largest amount that any value can add."""
        return float(max(0.0, np.max(np.cumsum(self.rises), initial=0.0)))

    def columns(self, values: Array) -> Array:
        """The position of each value on each ramp, 0 to 1, (values, ramps); 0 if unknown."""
        widths = np.maximum(np.diff(self.knots), 1e-9)
        known = np.clip(values, self.knots[0], self.knots[-1])
        shares = np.clip((known[:, np.newaxis] - self.knots[:-1]) / widths, 0, 1)
        return np.asarray(np.nan_to_num(shares))

    def amounts(self, values: Array) -> Array:
        """The amount that each value adds to the logit."""
        known = np.isfinite(values)
        return np.asarray(np.where(known, self.columns(values) @ self.rises, self.unknown))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A logistic model over sums of ramps, and radii by probability.

    logit = `stretch` * (`offset` + sum of ramps) + `shift`, where stretch and shift are Platt's
    correction (1999), fitted by cross-validation. At the probability `radius_at[i]`, 95 % of errors
    are at most `radius_shares[i]` of the longer side; in between, radii are interpolated.
    """

    ramps: Mapping[str, Ramps]
    offset: float
    stretch: float
    shift: float
    radius_at: Array
    radius_shares: Array

    def logits(self, evidence: Sequence[Evidence]) -> Array:
        """The logit of each match."""
        total = np.full(len(evidence), self.offset)
        for name, ramps in self.ramps.items():
            values = np.array([each.get(name, np.nan) for each in evidence], dtype=float)
            total += ramps.amounts(values)
        logits: Array = self.stretch * total + self.shift
        return logits

    def probabilities(self, evidence: Sequence[Evidence]) -> Array:
        """The probability of each match, in [0, 1]."""
        return logistic(self.logits(evidence))

    def radius_share(self, probability: float) -> float:
        """The radius at a probability, as a share of the target's longer side."""
        return float(np.interp(probability, self.radius_at, self.radius_shares))

    def as_json(self) -> dict[str, Any]:
        """The calibration as JSON data, rounded, for `from_json`."""
        return {
            "offset": round(self.offset, 5),
            "stretch": round(self.stretch, 5),
            "shift": round(self.shift, 5),
            "radius_at": [round(value, 5) for value in self.radius_at.tolist()],
            "radius_shares": [round(value, 7) for value in self.radius_shares.tolist()],
            "ramps": {
                name: {
                    "knots": [round(value, 5) for value in ramps.knots.tolist()],
                    "rises": [round(value, 5) for value in ramps.rises.tolist()],
                    "unknown": round(ramps.unknown, 5),
                }
                for name, ramps in self.ramps.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Calibration":
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError for other data."""
        ramps = {
            str(name): Ramps(
                np.array(each["knots"], dtype=float),
                np.array(each["rises"], dtype=float),
                float(each["unknown"]),
            )
            for name, each in data["ramps"].items()
        }
        if any(len(each.knots) != len(each.rises) + 1 for each in ramps.values()):
            raise ValueError("each ramp lies between two knots")
        at, shares = (np.array(data[name], dtype=float) for name in ("radius_at", "radius_shares"))
        if at.shape != shares.shape or not at.size or not (shares > 0).all():
            raise ValueError("each radius belongs to a probability and is above 0")
        offset, stretch, shift = (float(data[name]) for name in ("offset", "stretch", "shift"))
        arrays = [at, shares, np.array([offset, stretch, shift])]
        for each in ramps.values():
            arrays += [each.knots, each.rises, np.array([each.unknown])]
        if not all(np.isfinite(numbers).all() for numbers in arrays):
            raise ValueError("all numbers are finite")
        return cls(ramps, offset, stretch, shift, at, shares)


def logistic(values: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    result: Array = 0.5 * (1 + np.tanh(values / 2))
    return result
