"""Believable photo sessions of skin, with the exact truth of every mole in them.

>>> body, before, after = plan_pair(7, megapixels=1.5, moles=8)
>>> first, second = render(body, before, 0), render(body, after, 1)

Nothing here is a photo of a person: people, skin and light are drawn from a seed.
"""

from .develop import jpeg_bytes
from .render import RenderedPhoto, Seen, render, where
from .scene import Body, Form, Light, Mole, Optics, Shot, Skin
from .sessions import PlannedPart, plan_pair, plan_sessions

__all__ = [
    "Body",
    "Form",
    "Light",
    "Mole",
    "Optics",
    "PlannedPart",
    "RenderedPhoto",
    "Seen",
    "Shot",
    "Skin",
    "jpeg_bytes",
    "plan_pair",
    "plan_sessions",
    "render",
    "where",
]
