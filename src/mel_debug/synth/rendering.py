"""Rendering of a shot of a body to a photo with its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .changing import skin_spots
from .develop import expose, jpeg_bytes
from .lattice import lay
from .marks import hair_cover, moles_in
from .paint import paint
from .scene import Body, Shot
from .spots import joined
from .tube import project
from .visibility import visible
from .wear import clothes_of, inside_clothes

_LEAST_FACING = 0.3  # cosine; a mole at a more oblique angle does not count as visible


class MolePosition(NamedTuple):
    """A mole's uuid and exact position in pixels as shown; (0, 0) is the outer corner."""

    uuid: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, eq=False)
class RenderedPhoto:
    """A photo as shown, with its truth.

    ``pixels`` is (H, W, 3) uint8 sRGB before JPEG, ``mask`` (H, W) is True on bare skin. ``moles``
    are the visible moles, ``absent`` those that would be visible but are absent in the session.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    moles: tuple[MolePosition, ...]
    absent: tuple[MolePosition, ...]
    orientation: int
    jpeg_quality: int

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError("pixels should be uint8 of shape (height, width, 3)")
        if self.mask.shape != self.pixels.shape[:2]:
            raise ValueError("the mask should have the size of the picture")

    def jpeg(self) -> bytes:
        """Return the photo as a JPEG file, stored rotated as its EXIF orientation says."""
        return jpeg_bytes(self.pixels, quality=self.jpeg_quality, orientation=self.orientation)


def mole_positions(body: Body, shot: Shot, *, margin: float = 0.5) -> tuple[MolePosition, ...]:
    """Return the positions of all moles in view of a shot, present or absent.

    A mole is in view if it faces the camera, lies inside the picture and is not under cloth, the
    last two by a margin of ``margin`` times its diameter, and if neither deep shade nor a
    blown-out patch of sun hides it.
    """
    if not body.moles:
        return ()
    u = np.array([mole.u for mole in body.moles])
    v = np.array([mole.v for mole in body.moles])
    size = np.array([mole.diameter for mole in body.moles]) * margin
    x, y, facing = project(shot, u, v)
    edge = size * shot.pixels_per_mm
    in_view = (facing > _LEAST_FACING) & (x > edge) & (y > edge)
    in_view &= (x < shot.width - edge) & (y < shot.height - edge)
    clothes = clothes_of(shot)
    if clothes is not None:
        in_view &= inside_clothes(shot, clothes, u, v) < -size
    if shot.light.casts:
        in_view &= visible(body.skin, body.moles, shot)
    return tuple(
        MolePosition(body.moles[i].uuid, float(x[i]), float(y[i])) for i in np.flatnonzero(in_view)
    )


def render(
    body: Body, shot: Shot, session: int = 0, *, hidden: frozenset[str] = frozenset()
) -> RenderedPhoto:
    """Render one shot of a body in a session.

    Moles whose uuid is in ``hidden`` are not painted and nothing else changes, so that the
    difference shows a mole's own pixels. The same arguments give the same bytes. Raises ValueError
    for a session that the body does not have.
    """
    if not 0 <= session < body.sessions:
        raise ValueError(f"session {session} is not one of the body's {body.sessions}")
    lattice = lay(replace(body, skin=body.skin_in(session)), shot)
    spots = joined(skin_spots(body, session), moles_in(body, session, hidden))
    hair = hair_cover(body, shot)
    pixels, mask = paint(body.skin, shot, lattice, spots, hair)
    pixels = expose(pixels, shot.optics)
    present = {mole.uuid for mole in body.moles if mole.present[session]} - hidden
    places = mole_positions(body, shot)
    return RenderedPhoto(
        pixels=pixels,
        mask=mask,
        moles=tuple(place for place in places if place.uuid in present),
        absent=tuple(place for place in places if place.uuid not in present | hidden),
        orientation=shot.optics.orientation,
        jpeg_quality=shot.optics.jpeg_quality,
    )
