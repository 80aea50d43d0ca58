"""A marked mole, in a module without numpy so that marks can be read without it."""

from dataclasses import dataclass

from mel_debug.core.geometry import Point


@dataclass(frozen=True, slots=True)
class Mole:
    """One mark of a moles file: the mole's uuid and its point in photo pixels."""

    uuid: str
    point: Point
    is_canonical: bool = True
