"""An option of a stage, which users set by name."""

import math
from dataclasses import dataclass
from numbers import Integral, Real

from mel_debug.core.errors import UsageError

OptionValue = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a stage, which users set by name.

    The type of the default is the type of the option. `choices` restricts a text. A number must be
    at least `minimum` and greater than `above`.
    """

    name: str
    default: OptionValue
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None

    def __post_init__(self) -> None:
        if type(self.default) not in _KINDS:
            raise ValueError(
                f"option {self.name!r} needs a default of type bool, int, float or str"
            )

    def parse(self, text: str) -> OptionValue:
        """The value of a text. Raises UsageError if it has another type or is out of range."""
        kind = type(self.default)
        try:
            return self.check(_BOOLEANS[text.lower()] if kind is bool else kind(text))
        except (ValueError, KeyError):
            raise self._wrong_type(text) from None

    def check(self, value: OptionValue) -> OptionValue:
        """The value, with numbers (also of numpy) converted to the option's type.

        Raises UsageError if it has another type or is outside the option's choices or limits.
        """
        kind = type(self.default)
        if kind is float and isinstance(value, Real) and not isinstance(value, bool):
            value = _as_float(value)
        elif kind is int and isinstance(value, Integral) and not isinstance(value, bool):
            value = int(value)
        if type(value) is not kind:
            raise self._wrong_type(value)
        if self.choices and value not in self.choices:
            raise UsageError(f"option {self.name!r} is one of {', '.join(self.choices)}")
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"option {self.name!r} takes a finite number, not {value}")
        if isinstance(value, int | float):
            self._check_limits(value)
        return value

    def _check_limits(self, value: float) -> None:
        if self.minimum is not None and not value >= self.minimum:
            raise UsageError(f"option {self.name!r} is at least {self.minimum:g}, not {value}")
        if self.above is not None and not value > self.above:
            raise UsageError(f"option {self.name!r} is above {self.above:g}, not {value}")

    def _wrong_type(self, value: object) -> UsageError:
        return UsageError(f"option {self.name!r} takes {_KINDS[type(self.default)]}, not {value!r}")


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number with hundreds of digits
        return math.inf


_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_KINDS = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}
