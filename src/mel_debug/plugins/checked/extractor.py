"""An extractor whose results are checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.core.stages import BuildOptions, FeatureExtractor, StageSpec
from mel_debug.plugins.checked.source import CheckedBuild, Source, require_method, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mel_debug.core.types import Colour, Vectors


def checked_extractor(
    spec: StageSpec[FeatureExtractor], plugin: str
) -> StageSpec[FeatureExtractor]:
    """The spec of an extractor of a plugin, with results checked by `CheckedExtractor`."""
    source = Source(plugin, "extractor", spec.name)
    build = CheckedBuild(source, spec.build, CheckedExtractor)
    depends_on = None if spec.depends_on is None else CheckedDependencies(source, spec.depends_on)
    return replace(spec, build=build, depends_on=depends_on)


@dataclass(frozen=True, slots=True)
class CheckedDependencies:
    """Checks that `depends_on` of an extractor returns texts and paths, or None."""

    source: Source
    depends_on: Callable[[BuildOptions], Sequence[str | Path] | None]

    def __call__(self, options: BuildOptions) -> Sequence[str | Path] | None:
        """See `StageSpec.depends_on`."""
        with self.source.called():
            parts = self.depends_on(options)
            if parts is not None and not all(isinstance(part, str | Path) for part in parts):
                raise self.source.broken(
                    f"depends_on = {shown(parts)}", "texts and paths only, or None"
                )
        return parts


class CheckedExtractor:
    """An extractor whose results are checked; all vectors must have the same length."""

    def __init__(self, extractor: FeatureExtractor, source: Source) -> None:
        require_method(extractor, "extract", source)
        self._extractor = extractor
        self._source = source
        self._dimensions: int | None = None
        with source.called():
            patch = extractor.patch
        if isinstance(patch, bool) or not isinstance(patch, int) or patch < 1:
            raise source.broken(f"a patch of {shown(patch)}", "a whole number of pixels above 0")
        self.patch = patch

    @property
    def mean_colour(self) -> "Colour":
        with self._source.called():
            colour = self._extractor.mean_colour
        good = isinstance(colour, tuple | list) and len(colour) == 3
        if not good or not all(isinstance(part, int) and 0 <= part <= 255 for part in colour):
            raise self._source.broken(
                f"a mean_colour of {shown(colour)}", "three whole numbers from 0 to 255"
            )
        red, green, blue = colour
        return red, green, blue

    def extract(self, images: "NDArray[np.uint8]") -> "Vectors":
        """See `FeatureExtractor.extract`."""
        import numpy as np

        with self._source.called():
            vectors = self._extractor.extract(images)
        count, height, width = images.shape[:3]
        expected = (count, height // self.patch, width // self.patch)
        if (
            not isinstance(vectors, np.ndarray)
            or vectors.dtype != np.float32
            or vectors.ndim != 4
            or vectors.shape[:3] != expected
            or not vectors.shape[3]
        ):
            raise self._source.broken(
                shown(vectors),
                f"a numpy array of float32, {expected[0]} x {expected[1]} x {expected[2]} x "
                "dimensions",
            )
        dimensions = vectors.shape[3]
        if self._dimensions not in (None, dimensions):
            raise self._source.broken(
                f"vectors of {dimensions} numbers", f"{self._dimensions}, as before"
            )
        self._dimensions = dimensions
        vectors = np.asarray(vectors)  # a masked array would compute other extremes
        # All values are finite if the extremes are; computing these needs no memory.
        if vectors.size and not (np.isfinite(vectors.min()) and np.isfinite(vectors.max())):
            raise self._source.broken(
                "vectors with NaN or infinity", "finite numbers", "try other `weights`"
            )
        return vectors
