"""`Finder` and `find_mole`: from photos and moles to matches."""

import threading
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Unpack

from mel_debug.api._inputs import (
    ImageLike,
    MarkedMole,
    MoleLike,
    list_moles,
    list_sources,
    marked_moles,
    open_photos,
)
from mel_debug.api.found import FoundMole
from mel_debug.api.settings import Settings, config_from
from mel_debug.core.errors import UsageError
from mel_debug.plugins.config import RunConfig, resolve

if TYPE_CHECKING:
    from mel_debug.confidence.judge import Judge
    from mel_debug.core.photo import Photo
    from mel_debug.core.stages import Matcher
    from mel_debug.matching.features import Features
    from mel_debug.matching.tiles import Progress


class Finder:
    """Finds moles with stages that are set up once and then used for any number of photos.

    `settings` are described in `Settings`; a `config` holds all of them in one value instead.
    Matches below `min_confidence` (0 to 1) are uncertain. `use_masks=False` ignores mask files.
    `progress` wraps long loops, for example in a progress bar. Raises UsageError for a wrong
    setting.

    Models are loaded for the first photo whose features are not cached. The photos used last stay
    in memory with their features, so that further moles in them are found at once. Threads
    may share a finder; their calls run one after the other. Use it as a context manager, or call
    `close`, to free its models and features; it can still be used afterwards.
    """

    def __init__(
        self,
        config: RunConfig | None = None,
        *,
        min_confidence: float = 0.5,
        use_masks: bool = True,
        progress: "Progress | None" = None,
        **settings: Unpack[Settings],
    ) -> None:
        if config is not None and settings:
            raise UsageError("a config holds all settings; give `config` or settings, not both")
        _check_probability(min_confidence)
        self.run = resolve(config_from(settings) if config is None else config)
        self._min_confidence = min_confidence
        self._use_masks = use_masks
        self._progress = progress
        self._lock = threading.Lock()
        self._stages: tuple[Features, Matcher, Judge] | None = None

    def __enter__(self) -> "Finder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def description(self) -> str:
        """The extractor and the image size as a phrase, such as `xfeat at 1024 px`."""
        size = self.run.image_size
        return f"{self.run.extractor.name} at {'full size' if size is None else f'{size} px'}"

    def close(self) -> None:
        """Free the models and features in memory."""
        with self._lock:
            self._stages = None

    def find(
        self, source: ImageLike | Sequence[ImageLike], mole: MoleLike, target: ImageLike
    ) -> FoundMole:
        """Find one mole of a source, or of several sources together, in the target.

        A mole given as (x, y) or `Mole` has the same place in every source. Raises as `find_all`.
        """
        return self.find_all(source, [mole], target)[0]

    def find_all(
        self,
        source: ImageLike | Sequence[ImageLike],
        moles: Sequence[MoleLike],
        target: ImageLike,
    ) -> list[FoundMole]:
        """Find several moles of a source (or several sources) in the target in one pass.

        Returns one result for each mole, in their order. EXIF rotation is applied to files and
        Pillow images; files are read with the mask and marks beside them. Arrays are not copied, so
        they must not change while results are in use. Raises UsageError for a wrong argument, a
        missing file or a uuid without marks, and MelError for a mark outside its photo, a photo
        that can't be read, or missing weights.
        """
        sources = list_sources(source)
        marked = marked_moles(sources, list_moles(moles))
        names = (
            ["source"] if len(sources) == 1 else [f"source {n + 1}" for n in range(len(sources))]
        )
        with self._lock:
            *photos, target_photo = open_photos(
                [*sources, target], [*names, "target"], use_masks=self._use_masks
            )
            for mole in marked:
                mole.check_inside(photos)
            return self._find(marked, photos, target_photo)

    def _find(
        self, moles: Sequence[MarkedMole], sources: "Sequence[Photo]", target: "Photo"
    ) -> list[FoundMole]:
        from mel_debug.matching.locate import locate

        views = [(mole.uuid, list(zip(sources, mole.points, strict=True))) for mole in moles]
        features, matcher, judge = self._built([*sources, target])
        located = locate(views, target, features, matcher, judge)
        return [
            FoundMole(query, located.target, match, self.run)
            for query, match in zip(located.queries, located.matches, strict=True)
        ]

    def _built(self, photos: "Sequence[Photo]") -> "tuple[Features, Matcher, Judge]":
        """The stages, built at the first call; meanwhile these photos are decoded."""
        if self._stages is None:
            from mel_debug.matching.recent import RecentFeatures

            judge = self.run.judge(self._min_confidence)
            features = self.run.build_features(self._progress, list(dict.fromkeys(photos)))
            self._stages = RecentFeatures(features), self.run.build_matcher(), judge
        return self._stages


def _check_probability(value: object) -> None:
    if not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise UsageError(f"`min_confidence` must be from 0 to 1, not {value!r}")


def find_mole(
    source: ImageLike | Sequence[ImageLike],
    mole: MoleLike,
    target: ImageLike,
    *,
    min_confidence: float = 0.5,
    use_masks: bool = True,
    **settings: Unpack[Settings],
) -> FoundMole:
    """Find a mole of the source (or several sources) in the target.

    >>> match = find_mole("before.jpg", "6d7268", "after.jpg", extractor="xfeat")  # doctest: +SKIP
    >>> match.save("found.jpg")  # doctest: +SKIP

    Photos are paths, (height, width, 3) uint8 RGB arrays or Pillow images. The mole is a uuid or a
    unique prefix of it, read from the marks beside each source; a `Mole`; or (x, y) in pixels of
    the source. `Settings` describes the `settings`, and `Finder` the other arguments. To find many
    moles, create a `Finder` once. Raises MelError, and its subclass UsageError for what can be
    corrected in the call.
    """
    with Finder(min_confidence=min_confidence, use_masks=use_masks, **settings) as finder:
        return finder.find(source, mole, target)
