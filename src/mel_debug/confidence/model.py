"""The models that map evidence to the probabilities of an answer and to a radius."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.confidence.evidence import WITHIN, Evidence

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
class LogisticModel:
    """A logistic model over sums of ramps.

    logit = `stretch` * (`offset` + sum of ramps) + `shift`, where stretch and shift are Platt's
    correction (1999), fitted by cross-validation.
    """

    ramps: Mapping[str, Ramps]
    offset: float
    stretch: float = 1.0
    shift: float = 0.0

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

    def as_json(self) -> dict[str, Any]:
        """The model as JSON data, rounded, for `from_json`."""
        return {
            "offset": round(self.offset, 5),
            "stretch": round(self.stretch, 5),
            "shift": round(self.shift, 5),
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
    def from_json(cls, data: Mapping[str, Any]) -> "LogisticModel":
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
        offset, stretch, shift = (float(data[name]) for name in ("offset", "stretch", "shift"))
        arrays = [np.array([offset, stretch, shift])]
        for each in ramps.values():
            arrays += [each.knots, each.rises, np.array([each.unknown])]
        if not all(np.isfinite(numbers).all() for numbers in arrays):
            raise ValueError("all numbers are finite")
        return cls(ramps, offset, stretch, shift)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The models of one extractor family and matcher, and radii by probability.

    `right` gives the probability that a match is right, and `absent_if_wrong` the probability that
    the mole is absent from the target if the match is wrong; None if too few absent moles were
    known. At the probability `radius_at[i]`, 95 % of the errors of right matches are at most
    `radius_shares[i]` of the longer side, which is at most `WITHIN`; in between, radii are
    interpolated.
    """

    right: LogisticModel
    absent_if_wrong: LogisticModel | None
    radius_at: Array
    radius_shares: Array

    def probabilities(self, evidence: Sequence[Evidence]) -> Array:
        """The probability of each match to be right, in [0, 1]."""
        return self.right.probabilities(evidence)

    def absences(self, evidence: Sequence[Evidence]) -> Array | None:
        """The probability of each mole to be absent; None if it is unknown.

        Together with the probability of a right match it is at most 1 up to rounding, because only
        a wrong match can be that of an absent mole.
        """
        if self.absent_if_wrong is None:
            return None
        wrong = 1 - self.probabilities(evidence)
        return np.asarray(wrong * self.absent_if_wrong.probabilities(evidence))

    def radius_share(self, probability: float) -> float:
        """The radius at a probability, as a share of the target's longer side."""
        return float(np.interp(probability, self.radius_at, self.radius_shares))

    def as_json(self) -> dict[str, Any]:
        """The calibration as JSON data, rounded, for `from_json`."""
        absent = self.absent_if_wrong
        return {
            "right": self.right.as_json(),
            "absent_if_wrong": None if absent is None else absent.as_json(),
            "radius_at": [round(value, 5) for value in self.radius_at.tolist()],
            "radius_shares": [round(value, 7) for value in self.radius_shares.tolist()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Calibration":
        """The inverse of `as_json`. Raises KeyError, TypeError or ValueError for other data."""
        right, absent = data["right"], data["absent_if_wrong"]
        at, shares = (np.array(data[name], dtype=float) for name in ("radius_at", "radius_shares"))
        if at.shape != shares.shape or not at.size:
            raise ValueError("each radius belongs to a probability")
        if not (np.isfinite(at).all() and ((shares > 0) & (shares <= WITHIN)).all()):
            raise ValueError(f"each radius is above 0 and at most {WITHIN} of the longer side")
        return cls(
            LogisticModel.from_json(right),
            None if absent is None else LogisticModel.from_json(absent),
            at,
            shares,
        )


def logistic(values: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    result: Array = 0.5 * (1 + np.tanh(values / 2))
    return result
