"""Reading the values of a request, which may be anything."""

import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Point


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request. Raises UsageError if it is none."""
    try:
        value = json.loads(await request.body())
    except ValueError as error:
        raise UsageError("the request is not JSON") from error
    if not isinstance(value, dict):
        raise UsageError("the request is not a JSON object")
    return value


def number_in(asked: Mapping[str, Any], name: str) -> int:
    """A whole number of a request. Raises UsageError if it is none."""
    value = asked.get(name)
    if type(value) is not int:
        raise UsageError(f"{name} is not a whole number")
    return value


def text_in(asked: Mapping[str, Any], name: str) -> str | None:
    """A short text of a request, or None. Raises UsageError for something else."""
    value = asked.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 200):
        raise UsageError(f"{name} is not a short text")
    return value


def point_in(asked: Mapping[str, Any]) -> Point:
    """The point x, y of a request, in pixels. Raises UsageError if it is none."""
    x, y = asked.get("x"), asked.get("y")
    if not (isinstance(x, int | float) and isinstance(y, int | float)):
        raise UsageError("x and y are not numbers")
    if not (math.isfinite(x) and math.isfinite(y)):
        raise UsageError("x and y are not finite")
    return Point(float(x), float(y))
