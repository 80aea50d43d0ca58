"""The stages of a run: checked, and built when they are needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mel_debug.confidence.calibrations import DEFAULT_THRESHOLD, key_for
from mel_debug.core.errors import UsageError
from mel_debug.core.option import OptionValue
from mel_debug.core.stages import (
    BuildOptions,
    FeatureExtractor,
    Matcher,
    Renderer,
    ResultCache,
    StageSpec,
)
from mel_debug.plugins.checked import checked_renderer
from mel_debug.plugins.registry import load_registry

if TYPE_CHECKING:
    from mel_debug.cache.features import CachedFeatures
    from mel_debug.cache.store import FileStore
    from mel_debug.confidence.judge import Judge
    from mel_debug.core.types import Photo
    from mel_debug.matching.features import Features, PhotoFeatures
    from mel_debug.matching.tiles import Progress


@dataclass(frozen=True, slots=True)
class ResolvedRun:
    """The stages of a run and their options, all checked but not built.

    `values` has the option values of each stage, by `extractor`, `matcher` and `renderer`. Without
    an `image_size` photos have full resolution, in windows. Without a `cache` no features are
    cached.
    """

    extractor: StageSpec[FeatureExtractor]
    matcher: StageSpec[Matcher]
    renderer: StageSpec[Renderer]
    preset: str | None
    image_size: int | None
    window: int | None
    overlap: float
    refine: bool
    options: BuildOptions
    values: Mapping[str, Mapping[str, OptionValue]]
    cache: "FileStore | None" = None

    @property
    def calibration_key(self) -> str:
        """The name under which the calibration of this extractor and matcher is stored."""
        return key_for(self.extractor.calibration_family, self.matcher.name)

    def judge(self, threshold: float = DEFAULT_THRESHOLD) -> "Judge":
        """The judge, which computes the confidence of this run's matches.

        Matches less probable than `threshold` are uncertain. Raises MelError for a damaged
        calibration file.
        """
        from mel_debug.confidence.judge import judge_for

        return judge_for(self.calibration_key, threshold)

    def build_extractor(self) -> FeatureExtractor:
        """Build the extractor. Raises MelError, for example if its weights are missing."""
        return self.extractor.build(self._options_of("extractor"))

    def extractor_identity(self) -> str | None:
        """A text for all that the extractor's features depend on besides pixels, such as weights.

        None if the extractor has no `depends_on`. Builds the extractor if the text is unknown
        before, as with weights that have to be downloaded. Raises MelError, for example if weights
        are missing.
        """
        artifacts = self.options.artifacts
        if self.extractor.depends_on is None or artifacts is None:
            return None
        from mel_debug.cache.lazy_extractor import LazyExtractor

        lazy = LazyExtractor(self.extractor, self._options_of("extractor"), artifacts.digest)
        identity = lazy.identity()
        if identity is None:
            _ = lazy.built
            identity = lazy.identity()
        return identity

    def build_features(
        self, progress: "Progress | None" = None, photos: "Sequence[Photo]" = ()
    ) -> "Features":
        """The source of feature maps for the run.

        With a cache the extractor is built for the first photo whose features are not cached, else
        now. `photos` will need features soon, and are decoded while it is built. Raises like
        `build_extractor`.
        """
        if self.cache is None or self.extractor.depends_on is None:
            for photo in photos:
                photo.prefetch()
            return self._photo_features(self.build_extractor(), progress)
        features = self.build_cached_features(progress)
        features.prefetch(photos)
        return features

    def build_cached_features(self, progress: "Progress | None" = None) -> "CachedFeatures":
        """The source of feature maps with a cache; the extractor is not built yet.

        Raises UsageError without a cache, or if the extractor has no `depends_on`.
        """
        if self.cache is None:
            raise UsageError("features are stored in a cache; leave out `cache=False`")
        if self.extractor.depends_on is None:
            raise UsageError(
                f"the features of {self.extractor.name} can't be cached, as its spec does not "
                "declare what they depend on; add depends_on to its StageSpec"
            )
        from mel_debug.cache.digests import Digests
        from mel_debug.cache.features import CachedFeatures
        from mel_debug.cache.lazy_extractor import LazyExtractor

        digests = Digests(self.cache.folder)
        extractor = LazyExtractor(self.extractor, self._options_of("extractor"), digests.of)
        return CachedFeatures(extractor, self._photo_features(extractor, progress), self.cache)

    def _photo_features(
        self, extractor: FeatureExtractor, progress: "Progress | None"
    ) -> "PhotoFeatures":
        from mel_debug.matching.features import PhotoFeatures
        from mel_debug.matching.tiles import Windows, no_progress

        windows = None if self.window is None else Windows(self.window, self.overlap)
        return PhotoFeatures(
            extractor, self.image_size, windows, progress or no_progress, self._reads_pixels
        )

    @property
    def _reads_pixels(self) -> bool:
        """Whether any step reads full-size pixels after features are extracted."""
        return self.refine or self.matcher.reads_pixels or self.renderer.reads_pixels

    def build_matcher(self) -> Matcher:
        """Build the matcher, with refinement at full resolution if `refine` is set."""
        matcher = self.matcher.build(self._options_of("matcher"))
        if not self.refine:
            return matcher
        from mel_debug.matching.refine import Refined

        return Refined(matcher, self.image_size or self.extractor.image_size)

    def with_renderer(self, name: str) -> "ResolvedRun":
        """The same run with another renderer, at its default options. Raises UsageError."""
        registry = load_registry()
        renderer = checked_renderer(registry.renderer(name), registry.plugin_of("renderers", name))
        values = {**self.values, "renderer": renderer.values({})}
        return replace(self, renderer=renderer, values=values)

    def build_renderer(self) -> Renderer:
        return self.renderer.build(self._options_of("renderer"))

    def _options_of(self, stage: str) -> BuildOptions:
        return replace(self.options, values=self.values[stage], results=self._results)

    @property
    def _results(self) -> "ResultCache | None":
        if self.cache is None:
            return None
        from mel_debug.cache.results import Results

        return Results(self.cache)
