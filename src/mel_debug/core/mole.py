"""A marked mole; apart from the other types, for reading marks needs no arrays."""

from dataclasses import dataclass

from mel_debug.core.geometry import Point


@dataclass(frozen=True, slots=True)
class Mole:
    """One mark of a moles file, its place as a point in photo pixels."""

    uuid: str
    point: Point
    is_canonical: bool = True
