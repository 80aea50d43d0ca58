"""Parameter types for numbers on the command line."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A range of finite numbers, without infinity and NaN, which Click accepts in any range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            finite = math.isfinite(float(value))
        except (ValueError, TypeError, OverflowError):
            finite = True  # not a number: the error is that of Click
        if not finite:
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return float(super().convert(value, param, ctx))


class Length(click.ParamType):  # type: ignore[type-arg, unused-ignore] # generic from 8.2 on
    """A length of 0 or more in pixels, such as `8` or `8px`, or in millimetres, such as `2mm`.

    Its value is (number, unit), with the unit `px` or `mm`.
    """

    name = "length"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, str]:
        if isinstance(value, tuple):
            return value
        text = str(value).strip().lower()
        unit = "mm" if text.endswith("mm") else "px"
        number = FiniteRange(min=0).convert(text.removesuffix(unit).strip(), param, ctx)
        return number, unit
