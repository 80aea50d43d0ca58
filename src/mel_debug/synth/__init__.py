"""Generated photos of skin, with the exact position of every mole.

>>> body, before, after = plan_pair(7, megapixels=1.5, moles=8)
>>> first, second = render(body, before, 0), render(body, after, 1)

`plan_pair` with ``hard=True`` or ``case="closeup4"`` plans photos that are difficult to match.
No photo of a person is used: people, skin and light are drawn from a random seed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mel_debug.synth.develop import jpeg_bytes
    from mel_debug.synth.rendering import MolePosition, RenderedPhoto, mole_positions, render
    from mel_debug.synth.scene import Body, Form, Light, Mole, Optics, Shot, Skin
    from mel_debug.synth.sessions import PlannedPart, plan_pair, plan_sessions

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
    "jpeg_bytes",
    "mole_positions",
    "plan_pair",
    "plan_sessions",
    "render",
]

_LAZY = {
    "mel_debug.synth.develop": ("jpeg_bytes",),
    "mel_debug.synth.rendering": ("RenderedPhoto", "MolePosition", "render", "mole_positions"),
    "mel_debug.synth.scene": ("Body", "Form", "Light", "Mole", "Optics", "Shot", "Skin"),
    "mel_debug.synth.sessions": ("PlannedPart", "plan_pair", "plan_sessions"),
}
"""Names that are imported on first use, because listing commands must not import torch."""


def __getattr__(name: str) -> Any:
    for module, names in _LAZY.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
