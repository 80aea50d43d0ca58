"""From a photo to its feature map: fit the grid, paint the mask, scale, extract features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mel_debug.core.errors import MelError, PluginError
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.limits import scaled_too_large
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Mask, Photo, Pixels, Preview, Vectors
from mel_debug.matching.tiles import Progress, Windows, extract_in_windows, no_progress

SCALED_PIXEL_BYTES = 27
"""Least memory of a scaled pixel: 3 bytes as RGB, 12 as float32 for the extractor, and 12 for its
first layer or the vectors."""

WINDOWED_PIXEL_BYTES = 15
"""With windows, only RGB and vectors exist for the whole photo."""


class Features(Protocol):
    """A source of feature maps, which computes them or reads them from a cache."""

    @property
    def extractor(self) -> FeatureExtractor:
        """The extractor of the features, which can extract those of further windows."""

    def of(self, photo: Photo) -> FeatureMap:
        """The feature map of a photo. Raises MelError if its mask hides everything."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A photo that is ready for the extractor: masked, scaled and independent of the full pixels.

    `image` is (height, width, 3) in scaled pixels and `valid` (rows, columns) bool over the grid.
    `preview` is None if the photo is small enough to be its own preview.
    """

    name: str
    grid: PatchGrid
    valid: Mask
    image: Pixels
    preview: Preview | None = None


@dataclass(frozen=True, slots=True)
class PhotoFeatures:
    """Extracts the features of photos, whose longer sides are scaled to `image_size` pixels.

    Without an `image_size` photos keep their full resolution. With `windows`, a scaled photo that
    is larger than one window is processed window by window. Without `keeps_pixels` the photo of a
    feature map retains only its preview; reading its pixels decodes it again.
    """

    extractor: FeatureExtractor
    image_size: int | None
    windows: Windows | None = None
    progress: Progress = no_progress
    keeps_pixels: bool = True

    def of(self, photo: Photo) -> FeatureMap:
        """The feature map of a photo; one forward pass, or one for each batch of windows.

        Pixels outside the mask are painted before scaling, so they don't affect valid cells. Raises
        MelError if the mask hides everything, and PluginError if the result of the extractor does
        not fit the grid.
        """
        painted = self._painted(photo)
        prepared = self._prepared(painted)
        preview = prepared.preview
        if preview is not None and not self.keeps_pixels:
            painted = self._painted(photo).with_preview(lambda: preview)
        return FeatureMap(painted, prepared.grid, self.extract([prepared])[0], prepared.valid)

    def prepare(self, photo: Photo) -> Prepared:
        """All steps before the extractor. Raises MelError if the mask hides everything."""
        return self._prepared(self._painted(photo))

    def extract(self, photos: Sequence[Prepared]) -> list[Vectors]:
        """The vectors of prepared photos of one scaled size, in one batch unless in windows.

        Raises PluginError if the result of the extractor does not fit the grid.
        """
        windows = self._windows_for(photos[0].grid.scaled)
        if windows is not None:
            return [
                _checked(
                    photo, extract_in_windows(self.extractor, photo.image, windows, self.progress)
                )
                for photo in photos
            ]
        images = [photo.image for photo in photos]
        batch = images[0][np.newaxis] if len(images) == 1 else np.stack(images)
        results = self.extractor.extract(batch)
        if len(results) != len(photos):
            raise PluginError(
                f"the extractor returned {len(results)} results for {len(photos)} photos"
            )
        return [_checked(photo, vectors) for photo, vectors in zip(photos, results, strict=True)]

    def grid_of(self, size: Size) -> PatchGrid:
        """The grid over a photo of this size in photo pixels; `check` tests its memory."""
        patch = self.extractor.patch
        return PatchGrid.fit(
            size, self.image_size or max(patch, size.longest // patch * patch), patch
        )

    def check(self, photo: Photo) -> None:
        """Raise MelError if the scaled photo exceeds the limits of pixels or memory.

        This does not decode the photo.
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

    def _prepared(self, painted: Photo) -> Prepared:
        self.check(painted)
        grid = self.grid_of(painted.size)
        valid = painted.valid_cells(grid)
        if not valid.any():
            raise MelError(
                f"{painted.name}: its mask hides the whole photo; correct the mask, or use "
                "`use_masks=False`"
            )
        image = painted.scaled(grid.scaled)
        # Now, as scaling takes twice as long once the pixels are an array.
        preview = None if painted.is_small else painted.preview
        return Prepared(painted.name, grid, valid, image, preview)


def _checked(photo: Prepared, vectors: Vectors) -> Vectors:
    grid = photo.grid
    if vectors.shape[:2] != (grid.rows, grid.columns) or not np.isfinite(vectors).all():
        raise PluginError(
            f"the extractor returned {vectors.shape} for a grid of {grid.rows} x {grid.columns} "
            f"patches of {photo.name}, or values that are not finite; try other `weights`"
        )
    return vectors.astype(np.float32, copy=False)
