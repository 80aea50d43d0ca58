"""A mole that was found: its place, its confidence, and pictures of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.core.errors import UsageError
from mel_debug.core.geometry import Point
from mel_debug.plugins.config import ResolvedRun

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mel_debug.core.types import Confidence, FeatureMap, Match, Query
    from mel_debug.files.outputs import OutputGuard


@dataclass(frozen=True, slots=True)
class Blobs:
    """Whether the blob detector finds a dark spot at the mark and at the match.

    Without a spot at the mark, the mark may be misplaced.
    """

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
        """The mole's uuid; `mole` if it was given as (x, y)."""
        return self.match.uuid

    @property
    def x(self) -> float:
        return self.match.best.x

    @property
    def y(self) -> float:
        return self.match.best.y

    @property
    def confidence(self) -> "Confidence":
        """`probability`, `absent`, `radius_px`, `uncertain` ...; see `core.types.Confidence`."""
        assert self.match.confidence is not None  # noqa: S101 - `Finder` sets it
        return self.match.confidence

    @property
    def cycle_error_px(self) -> float | None:
        """Distance in pixels of the source from the mole to where matching back leads.

        None if the matcher does not match back.
        """
        return self.match.cycle_error_px

    @property
    def blob(self) -> Blobs:
        """Whether there is a dark spot at the mark (in every source) and at the match."""
        from mel_debug.confidence.blobs import blobs_at_marks, has_blob

        at_marks = blobs_at_marks(self.query)
        return Blobs(all(at_marks), has_blob(self.target.photo, self.match.best))

    @property
    def hints(self) -> tuple[str, ...]:
        """What may be wrong with the marks, as sentences."""
        from mel_debug.confidence.blobs import blobs_at_marks

        return tuple(
            f"no spot at the mark in {view.features.photo.name}; is the mark in the right place?"
            for view, is_blob in zip(self.query.views, blobs_at_marks(self.query), strict=True)
            if not is_blob
        )

    def candidates(self, most: int) -> list[tuple[Point, float]]:
        """At most `most` distinct places with their scores: the match, then the next best peaks.

        Places are in pixels of the target and at least 2 % of its longer side apart. Raises
        UsageError if `most` is below 1.
        """
        from mel_debug.matching.locate import distinct_candidates

        if most < 1:
            raise UsageError(f"the number of candidates must be at least 1, not {most}")
        return distinct_candidates(self.match, most)

    def render(self, renderer: str | None = None) -> "NDArray[np.uint8]":
        """A picture of the match as (height, width, 3) uint8 RGB.

        `renderer` is the name of a renderer; None uses the renderer of the `Finder`. Raises
        UsageError for an unknown renderer.
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
        """Draw the match and save it in the format of the suffix, such as `.jpg`; return the path.

        The file is written completely or not at all. An existing file is replaced only if mel-debug
        wrote it, or with `force`; the photos of the match are never replaced. `guard` replaces
        these rules. Raises UsageError for a path that must not be written or an unknown format, and
        MelError if writing fails.
        """
        from mel_debug.files.pictures import check_picture_path, write_picture

        path = Path(path)
        guard = self._guard(force=force) if guard is None else guard
        guard.check_picture(path)
        check_picture_path(path)
        write_picture(path, self.render(renderer), guard=guard)
        return path

    def _guard(self, *, force: bool) -> "OutputGuard":
        """Protects the photos of the match that were read from files."""
        from mel_debug.files.outputs import OutputGuard

        photos = [view.features.photo for view in self.query.views] + [self.target.photo]
        paths = (Path(photo.name) for photo in photos)
        return OutputGuard(tuple(path for path in paths if path.is_file()), force)

    def __repr__(self) -> str:
        from mel_debug.confidence.words import numbers, verdict

        words = (verdict(self.confidence), numbers(self.confidence).replace("   ", ", "))
        calibrated = None if self.confidence.calibrated else "not calibrated"
        return (
            f"<FoundMole {self.uuid[:8]} at ({self.x:.1f}, {self.y:.1f}) of "
            f"{', '.join(part for part in (self.target.photo.name, *words, calibrated) if part)}>"
        )
