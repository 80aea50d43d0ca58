"""Generated photos of skin and warped photos, with the exact position of every mole.

>>> body, before, after = plan_pair(7, megapixels=1.5, moles=8)
>>> first, second = render(body, before, 0), render(body, after, 1)

`plan_pair` with ``hard=True`` or ``case="closeup4"`` plans photos that are difficult to match.
No photo of a person is used: people, skin and light are drawn from a random seed. Only
`warped_views` starts from photos: those that it is given.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mel_debug.synth.develop import jpeg_bytes
    from mel_debug.synth.from_photos import WarpedView, warped_views
    from mel_debug.synth.levels import WarpOptions
    from mel_debug.synth.rendering import MolePosition, RenderedPhoto, mole_positions, render
    from mel_debug.synth.scene import Body, Form, Light, Mole, Optics, Shot, Skin
    from mel_debug.synth.sessions import PlannedPart, plan_pair, plan_sessions
    from mel_debug.synth.warps import Warp

__all__ = [
    "Body",
    "Form",
    "Light",
    "Mole",
    "MolePosition",
    "Optics",
    "PlannedPart",
    "RenderedPhoto",
    "Shot",
    "Skin",
    "Warp",
    "WarpOptions",
    "WarpedView",
    "jpeg_bytes",
    "mole_positions",
    "plan_pair",
    "plan_sessions",
    "render",
    "warped_views",
]

_LAZY = {
    "mel_debug.synth.develop": ("jpeg_bytes",),
    "mel_debug.synth.from_photos": ("WarpedView", "warped_views"),
    "mel_debug.synth.levels": ("WarpOptions",),
    "mel_debug.synth.rendering": ("RenderedPhoto", "MolePosition", "render", "mole_positions"),
    "mel_debug.synth.scene": ("Body", "Form", "Light", "Mole", "Optics", "Shot", "Skin"),
    "mel_debug.synth.sessions": ("PlannedPart", "plan_pair", "plan_sessions"),
    "mel_debug.synth.warps": ("Warp",),
}
"""Names that are imported on first use, because listing commands must not import torch."""


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
