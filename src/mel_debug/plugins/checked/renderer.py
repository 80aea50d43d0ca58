"""A renderer whose pictures are checked."""

from dataclasses import replace
from typing import TYPE_CHECKING

from mel_debug.core.stages import Renderer, StageSpec
from mel_debug.plugins.checked.source import CheckedBuild, Source, require_method, shown

if TYPE_CHECKING:
    from mel_debug.core.types import FeatureMap, Match, Pixels, Query


def checked_renderer(spec: StageSpec[Renderer], plugin: str) -> StageSpec[Renderer]:
    """The spec of a renderer of a plugin, with results checked by `CheckedRenderer`."""
    source = Source(plugin, "renderer", spec.name)
    return replace(spec, build=CheckedBuild(source, spec.build, CheckedRenderer))


class CheckedRenderer:
    """A renderer whose pictures are checked."""

    def __init__(self, renderer: Renderer, source: Source) -> None:
        require_method(renderer, "render", source)
        self._renderer = renderer
        self._source = source

    def render(self, query: "Query", target: "FeatureMap", match: "Match") -> "Pixels":
        """See `Renderer.render`."""
        import numpy as np

        with self._source.called():
            picture = self._renderer.render(query, target, match)
        if (
            not isinstance(picture, np.ndarray)
            or picture.dtype != np.uint8
            or picture.ndim != 3
            or picture.shape[2] != 3
            or not picture.size
        ):
            raise self._source.broken(
                shown(picture), "a picture: a numpy array of uint8, height x width x 3"
            )
        return picture
