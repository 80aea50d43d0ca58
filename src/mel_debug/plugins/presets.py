"""Sensible combinations of a matcher and its options, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Preset:
    """What a run uses unless it is told otherwise."""

    matcher: str
    options: Mapping[str, str] = field(default_factory=dict)


PLAIN = Preset("cosine")
"""The best patch by cosine, at its centre: what a run without a preset does."""

PRESETS = {
    "fast": Preset("cosine", {"place": "peak", "interpolate": "yes"}),
    "accurate": Preset("geometric"),
}
