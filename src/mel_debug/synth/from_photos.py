"""Repositories of real photos and changed views of them, with the exact position of every spot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point, Size
from mel_debug.core.scaling import fitted, valid_cells
from mel_debug.core.types import Mask, Photo
from mel_debug.files.digest import file_digest
from mel_debug.files.marks import ABSENT, marks_path, read_moles_if_any
from mel_debug.files.photos import mask_path, read_photo

from .levels import WarpOptions, draw_change
from .photo_spots import Spot, spots_of
from .rendering import MolePosition, RenderedPhoto
from .repository import day_of
from .saved import marks_text, photo_files, write_new_files
from .warped import warped
from .warps import Warp

_LONGEST = 30_000  # OpenCV's limit for sampling is 32767 pixels
_QUALITY = 95  # of the first session's JPEG
_USUAL = WarpOptions()


@dataclass(frozen=True, slots=True, eq=False)
class WarpedView:
    """One session of a photo: its pixels and truth, and the map to it (None for the first)."""

    photo: RenderedPhoto
    warp: Warp | None


def warped_views(
    original: Photo, marks: Sequence[Point] = (), options: WarpOptions = _USUAL
) -> Iterator[WarpedView]:
    """Yield a photo and its changed views, each with its truth.

    ``marks`` are points of the original's moles, in its pixels. The first view is the photo itself,
    scaled down if necessary; the others are sampled from the original. Moles have new uuids. The
    same arguments give the same views. Raises MelError for a photo without marks and spots.
    """
    size = _size_of(original.size, options.megapixels)
    first = Photo.of(original.scaled(size), _scaled_mask(original, size), name=original.name)
    across, down = size.width / original.size.width, size.height / original.size.height
    spots = spots_of(first, [Point(at.x * across, at.y * down) for at in marks], options.spots)
    if not spots:
        raise MelError(
            f"{original.name} has no marked mole and no dark spot; mark moles in it, "
            "or use another photo"
        )
    yield WarpedView(_unchanged(first, spots), None)
    for session in range(1, options.sessions):
        # The first uuid depends on the photo's pixels, so each photo has changes of its own.
        rng = np.random.default_rng([options.seed, 61, int(spots[0].uuid[:12], 16), session])
        places = [spot.point for spot in spots]
        change = draw_change(rng, size, places, options, detail=1 / across)
        yield WarpedView(warped(original, change, spots, rng, absent=options.absent), change.warp)


def _size_of(size: Size, megapixels: float) -> Size:
    share = (megapixels * 1e6 / (size.width * size.height)) ** 0.5
    return size if share >= 1.0 else fitted(size, max(1, round(size.longest * share)))


def _scaled_mask(photo: Photo, size: Size) -> Mask | None:
    return None if photo.mask is None else valid_cells(photo.mask, size.height, size.width)


def _unchanged(photo: Photo, spots: Sequence[Spot]) -> RenderedPhoto:
    shape = photo.size.height, photo.size.width
    return RenderedPhoto(
        pixels=photo.pixels,
        mask=np.ones(shape, dtype=bool) if photo.mask is None else photo.mask,
        moles=tuple(MolePosition(spot.uuid, spot.point.x, spot.point.y) for spot in spots),
        absent=(),
        orientation=1,
        jpeg_quality=_QUALITY,
    )


@dataclass(frozen=True, slots=True)
class PlannedViews:
    """One photo and the files of its sessions to write, oldest first."""

    source: Path
    paths: tuple[Path, ...]
    options: WarpOptions

    @property
    def count(self) -> int:
        """Photos that `write` writes."""
        return len(self.paths)

    def exists(self) -> bool:
        """Return whether any of the files exist."""
        beside = (_files_of(path) for path in self.paths)
        return any(os.path.exists(file) for files in beside for file in files)  # noqa: PTH110

    def write(self) -> None:
        """Make the views and write their files.

        Raises UsageError if other files are in the way, before any is written, and MelError if the
        photo, its mask or its marks can't be read, or if it has no spots.
        """
        original = read_photo(self.source)
        if original.size.longest > _LONGEST:
            raise MelError(f"{self.source} has a side of more than {_LONGEST} pixels")
        marks = [mole.point for mole in read_moles_if_any(self.source) if mole.is_canonical]
        files: dict[Path, bytes] = {}
        views = warped_views(original, marks, self.options)
        for path, view in zip(self.paths, views, strict=True):
            files |= photo_files(path, view.photo)
            files[marks_path(path)] = marks_text(view.photo.moles)
            files[marks_path(path, ABSENT)] = marks_text(view.photo.absent)
        write_new_files(files)


def plan_from_photos(
    root: Path, photos: Sequence[Path], options: WarpOptions
) -> list[PlannedViews]:
    """Return the parts of a repository, one for each photo, to be written one by one.

    Raises UsageError for a photo that is missing or given twice, and MelError for a file that
    is not a photo.
    """
    known: dict[str, Path] = {}
    planned = []
    for number, source in enumerate(photos, start=1):
        read_photo(source)
        digest = file_digest(source)
        if digest in known:
            raise UsageError(f"{source} and {known[digest]} are the same photo; give it once")
        known[digest] = source
        part = root / "rotomaps" / "parts" / "Photos" / f"Photo{number}"
        paths = tuple(part / day_of(session) / "0.jpg" for session in range(options.sessions))
        planned.append(PlannedViews(source, paths, options))
    return planned


def _files_of(path: Path) -> tuple[Path, ...]:
    return path, mask_path(path), marks_path(path), marks_path(path, ABSENT)
