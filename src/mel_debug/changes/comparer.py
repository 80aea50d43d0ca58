"""The built stages of a run, with which photos are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mel_debug.confidence.judge import Judge
from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.stages import MapsPhotos, Matcher, PhotoMap
from mel_debug.core.types import Match, Photo
from mel_debug.matching.locate import check_mark, hidden_by_mask, locate
from mel_debug.matching.photo_cache import PhotoCache
from mel_debug.plugins.config import ResolvedRun


@dataclass(frozen=True, slots=True, eq=False)
class Comparer:
    """Finds moles of one photo in another, and maps one photo to another."""

    photos: PhotoCache
    matcher: Matcher
    judge: Judge

    @classmethod
    def of(cls, run: ResolvedRun, *, use_masks: bool = True) -> "Comparer":
        """Build the stages of a run.

        Raises UsageError for a matcher that can't map photos, and MelError, for example if weights
        are missing.
        """
        matcher = run.build_matcher()
        if not isinstance(matcher, MapsPhotos):
            raise UsageError(
                f"the matcher {run.matcher.name!r} does not map whole photos to each other; "
                "use a preset that does, such as `preset` accurate"
            )
        return cls(PhotoCache(run.build_features(), use_masks), matcher, run.judge())

    def photo(self, path: Path) -> Photo:
        """The photo with a path. Raises like `read_photo`."""
        return self.photos.photo(path)

    def find(self, source: Path, moles: Mapping[str, Point], target: Path) -> dict[str, Match]:
        """The matches of moles of a source in a target, by uuid.

        Raises MelError for a mark outside the source or hidden by its mask.
        """
        if not moles:
            return {}
        photo = self.photo(source)
        marks = {uuid: [(photo, point)] for uuid, point in moles.items()}
        located = locate(marks, self.photo(target), self.photos, self.matcher, self.judge)
        return {match.uuid: match for match in located.matches}

    def photo_map(self, source: Path, target: Path) -> PhotoMap | None:
        """The map of all points of a source to a target; None if they share too little."""
        here, there = (self.photos.of(self.photo(path)) for path in (source, target))
        assert isinstance(self.matcher, MapsPhotos)  # noqa: S101 - checked in `of`
        return self.matcher.photo_map(here, there, self.photos.extractor)

    def unsearchable(self, uuid: str, photo: Path, point: Point) -> str | None:
        """The reason why a mole can't be searched for from its mark; None if it can."""
        try:
            check_mark(uuid, self.photo(photo), point)
        except MelError as error:
            return str(error)
        return hidden_by_mask(uuid, self.photo(photo), point)
