"""The search for spots of the source in the target: windows from coarse to fine, then pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.photo_pair import PhotoPair
from mel_debug.builtin.matchers.geometric.pixel_alignment import RADII, align_pixels
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.builtin.matchers.geometric.window_matching import (
    HALF,
    REACH,
    SMALL_HALF,
    TEMPLATE,
    Window,
    WindowMatch,
    match_windows,
)
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Photo

PRIOR_STD = 2.5
"""Cells; smallest standard deviation of the first window's prior."""

ANCHORED_STD = 0.5
"""Cells; the same where anchors have corrected the prior."""

NEARBY = 10.0
"""Cells; radius around a mole within which matches count as evidence for its position."""

DENSE_MATCHES, DENSE_RESIDUAL = 40, 0.35
"""Number of nearby matches and median residual in cells from which one fine window is enough."""

LAST_ZOOM = 0.7
"""Window pixels per source pixel at which windows are no longer enlarged: more shows only noise."""

BLOB_HALF = 8
"""Window cells from the centre to the edge of the single window of a blob: 17 cells of 8 px take
136 px, a third of the area of the larger windows."""


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """The position of a spot in the target, as the warp field or its anchors predict it.

    `place` is (2,) pixels of the target. `jacobian` is (2, 2), target pixels by row per source
    pixel by column. `std` is the standard deviation of the place, and `residuals` are those of
    nearby matches, both in cells of the source. `anchors` is the number of trusted anchors nearby.
    """

    place: Array
    jacobian: Array
    std: float
    residuals: Array
    anchors: int = 0

    @property
    def residual(self) -> float:
        """The median of the residuals in cells; it counts as large where there are no matches."""
        return float(np.median(self.residuals)) if len(self.residuals) else NEARBY

    @property
    def doubt(self) -> float:
        """How little the place is known, in cells: its std, and the residual without anchors."""
        return self.std + (0.0 if self.anchors else self.residual)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A spot found in the target.

    `place` is (2,) pixels of the target, and `correlation` that of the aligned pixels. `track` are
    the places before it: the prior's and those of each window. `first` and `last` are the matches
    of the first window, which is the widest, and of the last.
    """

    prior: Prior
    place: Array
    correlation: float
    track: tuple[Array, ...]
    first: WindowMatch
    last: WindowMatch

    @property
    def moves(self) -> tuple[float, ...]:
        """The distances in target pixels by which each window and the alignment moved the place."""
        track = [*self.track, self.place]
        return tuple(float(np.hypot(*(after - before))) for before, after in pairwise(track))


@dataclass(frozen=True, slots=True, eq=False)
class SpotSearch:
    """Finds spots of one source photo in one target photo."""

    pair: PhotoPair
    warp_field: WarpField
    photos: tuple[Photo, Photo]
    extractor: FeatureExtractor

    @property
    def cell(self) -> float:
        """The size of a cell in source pixels."""
        return float(self.pair.source.cell.mean())

    def priors(self, points: Array) -> list[Prior]:
        """Return the warp field's predictions for (n, 2) photo pixels of the source."""
        pair = self.pair
        at = points / pair.source.cell
        jacobians = (
            np.diag(pair.target.cell)
            @ self.warp_field.jacobians(at)
            @ np.diag(1 / pair.source.cell)
        )
        return [
            Prior(*each)
            for each in zip(
                self.warp_field(at) * pair.target.cell,
                jacobians,
                self.warp_field.std(at).tolist(),
                (pair.residuals[_squared(pair.places - one) < NEARBY**2] for one in at),
                strict=True,
            )
        ]

    def find(self, points: Sequence[Array], priors: Sequence[Prior]) -> list[Found]:
        """Find spots at source pixels (2,) near their priors, in windows of rising resolution."""
        windows = [self._first_window(*each) for each in zip(points, priors, strict=True)]
        return self._search(windows, priors)

    def find_at_once(self, points: Sequence[Array], priors: Sequence[Prior]) -> list[Found]:
        """Find spots near their priors in a single window each: faster, but with less reach."""
        zoom = min(1.0, 2 * self.extractor.patch / self.cell)
        windows = [
            Window(
                point,
                prior.place,
                prior.jacobian,
                zoom,
                self.cell * float(np.hypot(1.0, 2 * prior.std)),
                BLOB_HALF,
            )
            for point, prior in zip(points, priors, strict=True)
        ]
        return self._search(windows, priors, last_zoom=0.0, radii=RADII[:1])

    def reach_at_once(self) -> float:
        """How far in source pixels `find_at_once` finds a spot from its prior."""
        zoom = min(1.0, 2 * self.extractor.patch / self.cell)
        return (BLOB_HALF - TEMPLATE) * self.extractor.patch / zoom

    def _search(
        self,
        windows: list[Window],
        priors: Sequence[Prior],
        last_zoom: float = LAST_ZOOM,
        radii: Sequence[int] = RADII,
    ) -> list[Found]:
        tracks = [[window.target] for window in windows]
        first: dict[int, WindowMatch] = {}
        last: dict[int, WindowMatch] = {}
        active = list(range(len(windows)))
        while active:
            batch = match_windows(*self.photos, [windows[i] for i in active], self.extractor)
            for i, window_match in zip(active, batch, strict=True):
                first.setdefault(i, window_match)
                last[i] = window_match
                tracks[i].append(window_match.target)
            active = [i for i in active if windows[i].zoom < last_zoom]
            for i in active:
                windows[i] = _zoomed(windows[i], tracks[i][-1], self.extractor.patch)
        aligned = [
            align_pixels(*self.photos, window.source, track[-1], window.jacobian, radii)
            for window, track in zip(windows, tracks, strict=True)
        ]
        return [
            Found(prior, *aligned[i], tuple(tracks[i]), first[i], last[i])
            for i, prior in enumerate(priors)
        ]

    def _first_window(self, point: Array, prior: Prior) -> Window:
        """Return a window at the predicted position, large enough for its uncertainty."""
        size, patch = self.cell, self.extractor.patch
        coarse = patch / size
        if prior.anchors:
            sigma = size * max(ANCHORED_STD, 2 * prior.std)
            zoom = max(coarse / 2, min(1.0, REACH * patch / (4 * sigma)))
            return Window(
                point, prior.place, prior.jacobian, zoom, sigma, rival_sigma=max(sigma, size)
            )
        sigma = size * float(np.hypot(PRIOR_STD, 2 * prior.std))
        holds = REACH * patch / (2.5 * sigma)
        zoom = max(min(1.5 * coarse, holds), coarse / 2)
        enough = (
            len(prior.residuals) >= DENSE_MATCHES and np.median(prior.residuals) < DENSE_RESIDUAL
        )
        if enough and 2 * prior.std < 1:
            zoom = max(zoom, min(1.0, 3 * coarse))
            return Window(point, prior.place, prior.jacobian, zoom, size, SMALL_HALF)
        return Window(point, prior.place, prior.jacobian, zoom, sigma)


def _squared(offsets: Array) -> Array:
    """Return the squared lengths, (n,), of (n, 2) offsets."""
    across, down = offsets.T
    lengths: Array = across**2 + down**2
    return lengths


def _zoomed(window: Window, target: Array, patch: int) -> Window:
    """Return a window at twice the zoom, with a prior of two cells of the last window."""
    return replace(
        window,
        target=target,
        sigma=2 * patch / window.zoom,
        zoom=min(2 * window.zoom, 1.0),
        half=HALF,
        rival_sigma=None,
    )
