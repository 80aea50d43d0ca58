"""The sizes of images that a model takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sides of images that a model takes, in pixels.

    They are multiples of `step`; if there is a `tile`, (height, width), it is the only size.
    """

    step: int = 1
    tile: tuple[int, int] | None = None


ANY_SIZE = Sizes()
"""Whole patches are enough."""
