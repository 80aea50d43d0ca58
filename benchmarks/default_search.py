"""The search that ships, without a cache, for benchmark scripts."""

from collections.abc import Mapping, Sequence

from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo
from mel_debug.matching.locate import Located, locate
from mel_debug.plugins.config import RunConfig, resolve


class DefaultSearch:
    """The default search with XFeat."""

    def __init__(self) -> None:
        run = resolve(RunConfig(extractor="xfeat", no_cache=True))
        self._features, self._matcher, self._judge = (
            run.build_features(), run.build_matcher(), run.judge()
        )  # fmt: skip

    def located(self, marks: Mapping[str, Sequence[tuple[Photo, Point]]], target: Photo) -> Located:
        """Search for marked places in the target."""
        return locate(marks, target, self._features, self._matcher, self._judge)
