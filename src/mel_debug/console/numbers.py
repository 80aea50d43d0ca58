"""Numbers on the command line."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A range of finite numbers: NaN, which Click lets pass any bound, and infinity are refused."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            finite = math.isfinite(float(value))
        except (ValueError, TypeError, OverflowError):
            finite = True  # no number at all: Click says so
        if not finite:
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return float(super().convert(value, param, ctx))
