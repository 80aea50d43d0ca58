"""From a photo to its feature map: fit the grid, paint the mask, scale, describe."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mel_debug.core.errors import MelError, PluginError
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.limits import scaled_too_large
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Mask, Photo, Pixels, Preview, Vectors
from mel_debug.matching.tiles import Progress, Windows, describe, no_progress

SCALED_PIXEL_BYTES = 27
"""What a scaled pixel takes at least: 3 bytes as RGB, 12 as float32 for the extractor, and 12 for
its first layer or the vectors; with windows only the first and the last remain."""

WINDOWED_PIXEL_BYTES = 15


class Features(Protocol):
    """What gives the feature maps of photos, by computing them or by remembering."""

    @property
    def extractor(self) -> FeatureExtractor:
        """What made the feature maps and can describe more pixels."""

    def of(self, photo: Photo) -> FeatureMap:
        """The feature map of a photo. Raises MelError when its mask leaves nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A photo as the extractor takes it: `image` is painted, scaled and no longer large.

    `valid` is (rows, columns) bool over the grid, and `image` (height, width, 3) in scaled pixels.
    `preview` is that of a photo too large to be its own.
    """

    name: str
    grid: PatchGrid
    valid: Mask
    image: Pixels
    preview: Preview | None = None


@dataclass(frozen=True, slots=True)
class PhotoFeatures:
    """Describes photos with one extractor, each scaled to fit `image_size` pixels.

    Without an `image_size` photos keep their full resolution. With `windows`, a scaled photo larger
    than one is described window by window. Without `keeps_pixels` a photo that was described keeps
    its preview only, and is decoded again by who looks at its pixels all the same.
    """

    extractor: FeatureExtractor
    image_size: int | None
    windows: Windows | None = None
    track: Progress = no_progress
    keeps_pixels: bool = True

    def of(self, photo: Photo) -> FeatureMap:
        """The feature map of a photo; one forward pass, or one for each batch of windows.

        Pixels outside the mask are painted before anything is scaled, so they can't leak into a
        cell. Raises MelError when the mask leaves nothing, PluginError when the extractor's answer
        does not fit the grid.
        """
        painted = self._painted(photo)
        seen = self._seen(painted)
        preview = seen.preview
        if preview is not None and not self.keeps_pixels:
            painted = self._painted(photo).with_preview(lambda: preview)
        return FeatureMap(painted, seen.grid, self.describe([seen])[0], seen.valid)

    def prepare(self, photo: Photo) -> Prepared:
        """All that comes before the extractor. Raises MelError when the mask leaves nothing."""
        return self._seen(self._painted(photo))

    def describe(self, photos: Sequence[Prepared]) -> list[Vectors]:
        """The vectors of prepared photos of one scaled size, in one batch unless in windows.

        Raises PluginError when the extractor's answer does not fit the grid.
        """
        windows = self._windows_for(photos[0].grid.scaled)
        if windows is not None:
            return [
                _checked(seen, describe(self.extractor, seen.image, windows, self.track))
                for seen in photos
            ]
        images = [seen.image for seen in photos]
        batch = images[0][np.newaxis] if len(images) == 1 else np.stack(images)
        answers = self.extractor.extract(batch)
        if len(answers) != len(photos):
            raise PluginError(f"the extractor gave {len(answers)} answers to {len(photos)} photos")
        return [_checked(seen, vectors) for seen, vectors in zip(photos, answers, strict=True)]

    def grid_of(self, size: Size) -> PatchGrid:
        """The grid over a photo of a size in photo pixels; see `check` for its memory."""
        patch = self.extractor.patch
        return PatchGrid.fit(
            size, self.image_size or max(patch, size.longest // patch * patch), patch
        )

    def check(self, photo: Photo) -> None:
        """Raise MelError if the scaled photo would take more memory than there is, or is allowed.

        Nothing is decoded for this.
        """
        scaled = self.grid_of(photo.size).scaled
        windowed = self._windows_for(scaled) is not None
        reason = scaled_too_large(scaled, WINDOWED_PIXEL_BYTES if windowed else SCALED_PIXEL_BYTES)
        if reason is not None:
            raise MelError(f"{photo.name}: {reason}")

    def _windows_for(self, scaled: Size) -> Windows | None:
        large = self.windows is not None and scaled.longest > self.windows.side
        return self.windows if large else None

    def _painted(self, photo: Photo) -> Photo:
        return photo.painted(lambda: self.extractor.mean_colour)

    def _seen(self, painted: Photo) -> Prepared:
        self.check(painted)
        grid = self.grid_of(painted.size)
        valid = painted.valid_cells(grid)
        if not valid.any():
            raise MelError(
                f"{painted.name}: its mask leaves nothing to look at; mend it or use `use_masks=False`"
            )
        image = painted.scaled(grid.scaled)
        # Later, when somebody may have asked for all pixels, it would take twice as long.
        preview = None if painted.is_small else painted.preview
        return Prepared(painted.name, grid, valid, image, preview)


def _checked(seen: Prepared, vectors: Vectors) -> Vectors:
    grid = seen.grid
    if vectors.shape[:2] != (grid.rows, grid.columns) or not np.isfinite(vectors).all():
        raise PluginError(
            f"the extractor gave {vectors.shape} for a grid of {grid.rows} x {grid.columns} "
            f"patches of {seen.name}, or values that are no numbers; try other `weights`"
        )
    return vectors.astype(np.float32, copy=False)
