"""Finding moles from Python: `find_mole` for one, a `Finder` for many."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.plugins.config import ResolvedRun, RunConfig, resolve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from mel_debug.confidence.judge import Judge
    from mel_debug.core.photo import Photo
    from mel_debug.core.stages import Matcher
    from mel_debug.core.types import Confidence, FeatureMap, Match, Query
    from mel_debug.files.outputs import OutputGuard
    from mel_debug.matching.features import Features
    from mel_debug.matching.tiles import Progress

ImageLike = Union[str, Path, "NDArray[np.uint8]", "Image"]
"""A photo: a path, a (height, width, 3) uint8 RGB array, or a Pillow image."""

MoleLike = Union[str, Mole, tuple[float, float]]
"""A mole: its uuid or a unique start of it, a `Mole`, or (x, y) in pixels of the source."""

UNNAMED = "mole"
"""What a mole that was given by its place is called."""


@dataclass(frozen=True, slots=True)
class Blobs:
    """Whether the blob detector sees a spot; False at the mark hints at a misplaced mark."""

    at_mark: bool
    at_match: bool


@dataclass(frozen=True, slots=True, eq=False)
class FoundMole:
    """Where a mole was found in the target.

    `x` and `y` are in pixels of the target as shown (EXIF rotation applied); (0, 0) is the outer
    corner of the first pixel. `match` has everything that the matcher reported.
    """

    query: "Query"
    target: "FeatureMap"
    match: "Match"
    run: ResolvedRun = field(repr=False)

    @property
    def uuid(self) -> str:
        """The mole's uuid; `mole` if it was given by its place."""
        return self.match.uuid

    @property
    def x(self) -> float:
        return self.match.best.x

    @property
    def y(self) -> float:
        return self.match.best.y

    @property
    def confidence(self) -> "Confidence":
        """`probability`, `radius_px`, `uncertain` and `calibrated`; see `core.types.Confidence`."""
        assert self.match.confidence is not None  # noqa: S101 - `Finder` always judges
        return self.match.confidence

    @property
    def cycle_error_px(self) -> float | None:
        """Pixels of the source between the mole and the match of the found place back in it."""
        return self.match.cycle_error_px

    @property
    def blob(self) -> Blobs:
        """Whether there is a spot at the mark (in every source) and at the place found."""
        from mel_debug.confidence.blobs import shows_spot, spots_at_marks

        at_marks = spots_at_marks(self.query)
        return Blobs(all(at_marks), shows_spot(self.target.photo, self.match.best))

    @property
    def hints(self) -> tuple[str, ...]:
        """What may be wrong with the marks, as sentences."""
        from mel_debug.confidence.blobs import spots_at_marks

        return tuple(
            f"no spot is visible at the mark in {view.features.photo.name}; is it in the right "
            "place?"
            for view, is_spot in zip(self.query.views, spots_at_marks(self.query), strict=True)
            if not is_spot
        )

    def candidates(self, most: int) -> list[tuple[Point, float]]:
        """At most `most` distinct places with their scores: the match, then the next best peaks.

        Places lie at least 2 % of the longer side apart.
        """
        from mel_debug.matching.locate import distinct_candidates

        return distinct_candidates(self.match, most)

    def render(self, renderer: str | None = None) -> "NDArray[np.uint8]":
        """The picture of the match as (height, width, 3) uint8 RGB.

        `renderer` is the name of a renderer; None is that of the `Finder`. Raises UsageError.
        """
        run = self.run if renderer is None else self.run.with_renderer(renderer)
        return run.build_renderer().render(self.query, self.target, self.match)

    def save(
        self,
        path: str | Path,
        renderer: str | None = None,
        *,
        force: bool = False,
        guard: "OutputGuard | None" = None,
    ) -> Path:
        """Draw the match and write it as a JPEG or PNG; returns the path.

        The file appears whole or not at all. An existing file is replaced only if mel-debug wrote
        it, or with `force`; the photos of the match never are. `guard` protects other files as
        well. Raises MelError.
        """
        from mel_debug.files.outputs import OutputGuard
        from mel_debug.files.pictures import check_picture_path, write_picture

        path = Path(path)
        if guard is None:
            photos = [view.features.photo for view in self.query.views] + [self.target.photo]
            named = (Path(photo.name) for photo in photos)
            guard = OutputGuard(tuple(name for name in named if name.is_file()), force)
        guard.check_picture(path)
        check_picture_path(path)
        write_picture(path, self.render(renderer), guard=guard)
        return path

    def __repr__(self) -> str:
        sure = self.confidence
        words = "NOT SURE, " if sure.uncertain else ""
        calibrated = "" if sure.calibrated else ", not calibrated"
        return (
            f"<FoundMole {self.uuid[:8]} at ({self.x:.1f}, {self.y:.1f}) of "
            f"{self.target.photo.name}, {words}confidence {sure.probability:.2f}, "
            f"±{sure.radius_px:.0f} px{calibrated}>"
        )


class Finder:
    """Finds moles with stages that are set up once and then used for any number of photos.

    `extractor`, `matcher` and `preset` are names that `mel-debug plugins` lists; None leaves the
    choice to the program. `options` sets options of stages by name, or `STAGE.NAME`. `settings` are
    the other fields of `RunConfig`, such as `image_size`, `weights`, `device` or `cache_dir`;
    `cache=False` neither reads nor writes features on disk, and `use_masks=False` ignores mask
    files. Matches below `min_confidence` are uncertain. Raises UsageError for a wrong setting.

    Models are loaded at the first photo whose features are not cached. A finder may be shared by
    threads: calls run one after the other. Use it as a context manager, or `close` it, to free what
    it holds; it can be used again afterwards.
    """

    def __init__(
        self,
        *,
        extractor: str | None = None,
        matcher: str | None = None,
        preset: str | None = None,
        options: Mapping[str, Any] | None = None,
        min_confidence: float = 0.5,
        cache: bool = True,
        use_masks: bool = True,
        **settings: Any,
    ) -> None:
        try:
            config = RunConfig(
                extractor=extractor,
                matcher=matcher,
                preset=preset,
                stage_options=options,
                no_cache=not cache,
                **settings,
            )
        except TypeError as error:
            raise UsageError(f"unknown setting ({error}); see RunConfig for all of them") from None
        self._begin(config, min_confidence, use_masks=use_masks)

    @classmethod
    def from_config(
        cls,
        config: RunConfig,
        *,
        min_confidence: float = 0.5,
        use_masks: bool = True,
        progress: "Progress | None" = None,
    ) -> "Finder":
        """A finder with all settings in one value; `progress` shows how far long steps are."""
        finder = cls.__new__(cls)
        finder._begin(config, min_confidence, use_masks=use_masks, progress=progress)
        return finder

    def _begin(
        self,
        config: RunConfig,
        min_confidence: float,
        *,
        use_masks: bool,
        progress: "Progress | None" = None,
    ) -> None:
        if not 0 <= min_confidence <= 1:
            raise UsageError(f"`min_confidence` lies between 0 and 1, not at {min_confidence}")
        self.run = resolve(config)
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
        """The extractor and the image size, for a person."""
        size = self.run.image_size
        return f"{self.run.extractor.name} at {'full size' if size is None else f'{size} px'}"

    def close(self) -> None:
        """Free models and features in memory."""
        with self._lock:
            self._stages = None

    def find(
        self, source: ImageLike | Sequence[ImageLike], mole: MoleLike, target: ImageLike
    ) -> FoundMole:
        """Find one mole; several sources search together. See `find_all`.

        A mole given as (x, y) or `Mole` is at that place in every source.
        """
        return self.find_all(source, [mole], target)[0]

    def find_all(
        self,
        source: ImageLike | Sequence[ImageLike],
        moles: Sequence[MoleLike],
        target: ImageLike,
    ) -> list[FoundMole]:
        """Find moles of one source (or several) in the target, in one pass, in their order.

        Paths are read with EXIF rotation, and with the mask beside them; a uuid needs marks beside
        every source. Raises UsageError for a mole or file that does not exist, and MelError for a
        mark outside its photo, a photo that cannot be read, or missing weights.
        """
        sources = _listed(source)
        if not sources or not moles:
            raise UsageError("nothing to find: name at least one source and one mole")
        marked = _marked(sources, moles)
        with self._lock:
            photos = self._photos([*sources, target])
            return self._found(marked, photos[:-1], photos[-1])

    def _photos(self, images: Sequence[Any]) -> "list[Photo]":
        """Photos in the order of the images; the same file is opened once."""
        from mel_debug.files.beside import real_path

        opened: dict[Path | int, Photo] = {}
        photos = []
        for image in images:
            key = real_path(Path(image)) if isinstance(image, str | Path) else id(image)
            if key not in opened:
                opened[key] = _photo(image, use_masks=self._use_masks)
            photos.append(opened[key])
        return photos

    def _found(
        self,
        marked: Sequence[tuple[str, Sequence[Point]]],
        sources: "Sequence[Photo]",
        target: "Photo",
    ) -> list[FoundMole]:
        from mel_debug.matching.locate import check_mark, locate

        views = {
            f"{number}": list(zip(sources, points, strict=True))
            for number, (_, points) in enumerate(marked)
        }
        for (uuid, _), places in zip(marked, views.values(), strict=True):
            for photo, point in places:
                check_mark(uuid, photo, point)
        features, matcher, judge = self._built([*sources, target])
        located = locate(views, target, features, matcher, judge)
        return [
            FoundMole(
                replace(query, uuid=uuid), located.target, replace(match, uuid=uuid), self.run
            )
            for (uuid, _), query, match in zip(
                marked, located.queries, located.matches, strict=True
            )
        ]

    def _built(self, expecting: "Sequence[Photo]") -> "tuple[Features, Matcher, Judge]":
        if self._stages is None:
            judge = self.run.judge(self._min_confidence)
            features = self.run.build_features(self._progress, list(dict.fromkeys(expecting)))
            self._stages = features, self.run.build_matcher(), judge
        return self._stages


def find_mole(
    source: ImageLike | Sequence[ImageLike],
    mole: MoleLike,
    target: ImageLike,
    *,
    extractor: str | None = None,
    preset: str | None = None,
    **settings: Any,
) -> FoundMole:
    """Find a mole of the source (or several sources) in the target.

    >>> match = find_mole("before.jpg", "6d7268", "after.jpg", extractor="xfeat")  # doctest: +SKIP
    >>> match.save("found.jpg")  # doctest: +SKIP

    Photos are paths, (height, width, 3) uint8 RGB arrays or Pillow images. The mole is a uuid or a
    unique start of it, read from the marks beside each source; a `Mole`; or (x, y) in pixels of the
    source. `settings` are those of `Finder`. To find many moles, make a `Finder` once. Raises
    MelError; UsageError, its subclass, for what can be corrected in the call.
    """
    with Finder(extractor=extractor, preset=preset, **settings) as finder:
        return finder.find(source, mole, target)


def _listed(source: Any) -> list[Any]:
    """The sources, each once: a photo under several paths is one photo."""
    from mel_debug.files.beside import real_path

    several = isinstance(source, Sequence) and not isinstance(source, str)
    once: dict[Path | int, Any] = {}
    for image in source if several else [source]:
        key = real_path(Path(image)) if isinstance(image, str | Path) else id(image)
        once.setdefault(key, image)
    return list(once.values())


def _marked(sources: Sequence[Any], moles: Sequence[MoleLike]) -> list[tuple[str, Sequence[Point]]]:
    """Each mole's name and its place in every source; each marks file is read once."""
    marks: list[tuple[Path, list[Mole]]] | None = None
    found: list[tuple[str, Sequence[Point]]] = []
    for mole in moles:
        if isinstance(mole, Mole):
            found.append((mole.uuid, [mole.point] * len(sources)))
        elif isinstance(mole, str):
            marks = _read_marks(sources) if marks is None else marks
            found.append(_by_uuid(mole, marks))
        else:
            try:
                x, y = map(float, mole)
            except (TypeError, ValueError) as error:
                raise UsageError(f"a mole is a uuid, a Mole or (x, y), not {mole!r}") from error
            found.append((UNNAMED, [Point(x, y)] * len(sources)))
    return found


def _read_marks(sources: Sequence[Any]) -> list[tuple[Path, list[Mole]]]:
    from mel_debug.files.marks import read_moles

    for source in sources:
        if not isinstance(source, str | Path):
            raise UsageError(
                "a uuid needs a source on disk, with marks beside it; give (x, y) instead"
            )
    paths = [Path(source) for source in sources]
    return [(path, read_moles(path)) for path in paths]


def _by_uuid(wanted: str, marks: Sequence[tuple[Path, list[Mole]]]) -> tuple[str, list[Point]]:
    from mel_debug.files.marks import find_mole as mole_of
    from mel_debug.files.marks import full_uuid

    uuid = full_uuid(wanted, [mole for _, moles in marks for mole in moles])
    return uuid, [mole_of(uuid, moles, path).point for path, moles in marks]


def _photo(image: Any, *, use_masks: bool) -> "Photo":
    if isinstance(image, str | Path):
        from mel_debug.files.photos import read_photo

        return read_photo(Path(image), use_mask=use_masks)
    import numpy as np

    from mel_debug.core.photo import Photo

    try:
        if isinstance(image, np.ndarray):
            return Photo.of(image)
        if hasattr(image, "getexif"):
            from mel_debug.files.photos import as_shown

            return as_shown(image)
    except ValueError as error:
        raise UsageError(str(error)) from error
    raise MelError(f"a photo is a path, an RGB array or a Pillow image, not {type(image).__name__}")
