"""Places in photos that are given on the command line."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mel_debug.core.geometry import Point


class PixelType(click.ParamType):  # type: ignore[type-arg, unused-ignore] # generic from 8.2 on
    """A pixel of a photo as `X,Y`, counted from the left and from the top."""

    name = "pixel"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        from math import floor, isfinite

        if isinstance(value, tuple):
            return value
        try:
            x, y = map(float, str(value).split(","))
        except ValueError:
            self.fail(
                f"{value!r} is not a place; write X,Y in pixels, such as 571,1116", param, ctx
            )
        if not (isfinite(x) and isfinite(y)):
            self.fail(f"{value!r} is not a place in a photo.", param, ctx)
        return floor(x), floor(y)


def check_inside(photo: Path, point: "Point") -> None:
    """Raise UsageError for a point outside the photo, and MelError if it can't be read."""
    from mel_debug.core.errors import UsageError
    from mel_debug.files.photos import read_photo

    size = read_photo(photo, use_mask=False).size
    if not (0 <= point.x < size.width and 0 <= point.y < size.height):
        x, y = point.pixel
        raise UsageError(
            f"({x}, {y}) is outside {photo}, which has {size} pixels; give x and y in pixels of "
            "the photo as shown"
        )
