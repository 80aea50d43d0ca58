"""Matches of dark blobs by their arrangement, which no light, turn or size of the photos changes.

Two blobs of the source and two of the target determine a similarity. Those on which many pairs of
blobs agree are found by votes, as in a Hough transform (Ballard 1981), without any descriptor.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array, with_ones
from mel_debug.builtin.matchers.geometric.keys import key_of
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.variants import Variants
from mel_debug.core.laplacian import darkness, is_round, laplacian
from mel_debug.core.scaling import fitted, valid_cells
from mel_debug.core.types import FeatureMap, Photo

Numbers = NDArray[np.intp]

SIDE = 800
"""Pixels of the longer side at which blobs are detected."""

SIGMAS = tuple(1.35**step for step in range(10))
"""Pixels of that size: sigmas of the Gaussians that fit blobs best, so that a mole is found in an
overview and in a close-up of a quarter of its side."""

MOST_BLOBS = 60
"""Blobs of a photo, those with the highest contrast. The number of votes grows with its fourth
power."""

LEAST_CONTRAST = 0.01
"""Least response of the Laplacian, about half the contrast in log intensity: above the rounding of
grey levels."""

EDGE = 7
"""Pixels; blobs this close to the edge of the mask are not used, as the edge changes them."""

MOST_SCALE = 5.5
"""Largest change of scale from the source to the target, as a share of the photo, either way."""

SAME_SIZE = 0.5
"""Largest difference between the log of a blob's change of size and that of the scale."""

LEAST_APART = 0.04
"""Share of the longer side; blobs closer to each other hardly determine an angle."""

TURN = 36
"""Bins of votes in a full turn."""

LOG_SCALE, ANGLE, SHIFT = 0.2, 2 * np.pi / TURN, 0.06
"""Widths of a bin of votes; that of the shift is a share of the longer side."""

PEAKS, ROUNDS = 60, 4
"""Bins with the most votes that are refined, and rounds of it."""

WITHIN = 0.02
"""Share of the longer side of the photo in which blobs are farther apart; a blob this close to the
mapped one, and nearest, matches it."""

LEAST_MATCHES, MOST_MAPS = 8, 2
"""Matches below which a map is not returned, and how many are at most."""


def blob_matches(photos: Photos) -> Iterator[tuple[PlaneMap, Array, Array]]:
    """Yield maps of cells of the source to cells of the target, with their matches, (n, 2) cells.

    The one with the most matches comes first.
    """
    maps = [photos.source, photos.target]
    here, there = (_blobs_of(each, photos.variants) for each in maps)
    one, other = (each.photo.size.longest / np.array(each.grid.cell_size) for each in maps)
    for affine, rows, columns in arrangements(here, there):
        in_cells = np.diag([*(1 / one), 1.0]) @ affine * other
        yield PlaneMap.from_affine(in_cells), here[rows, :2] * one, there[columns, :2] * other


def _blobs_of(features: FeatureMap, variants: Variants) -> Array:
    found = variants.arrays(
        key_of("blobs 1", features.key),
        lambda: {"blobs": blobs(features.photo)},
        lambda arrays: arrays["blobs"].ndim == 2 and arrays["blobs"].shape[1] == 3,
    )
    return found["blobs"].astype(np.float64)


def blobs(photo: Photo) -> Array:
    """Return (n, 3): x, y and log sigma of dark blobs on skin, in shares of the longer side.

    Those with the highest contrast come first.
    """
    size = fitted(photo.size, min(SIDE, photo.size.longest))
    dark = darkness(photo.scaled(size))
    valid = np.ones(dark.shape, dtype=bool)
    if photo.mask is not None:
        valid = valid_cells(photo.mask, size.height, size.width)
    if not valid.any():
        return np.empty((0, 3))
    stack = np.stack(
        [laplacian(np.where(valid, dark, np.median(dark[valid])), sigma) for sigma in SIGMAS]
    )
    best = stack.max(axis=0)
    # Beyond the photo there is no skin either.
    framed = np.pad(valid, 1).astype(np.uint8)
    inside = cv2.erode(framed, np.ones((2 * EDGE + 1,) * 2, np.uint8))[1:-1, 1:-1] > 0
    peaks = best == cv2.dilate(best, np.ones((7, 7), np.uint8))
    at = np.argwhere(inside & peaks & (best > LEAST_CONTRAST))
    level = stack[:, at[:, 0], at[:, 1]].argmax(axis=0)
    at, level = (each[is_round(stack, level, at)] for each in (at, level))
    strongest = np.argsort(-best[tuple(at.T)], kind="stable")[:MOST_BLOBS]
    at, level = at[strongest], level[strongest]
    sigmas = np.array(SIGMAS)[level] / size.longest
    return np.column_stack([(at[:, ::-1] + 0.5) / size.longest, np.log(sigmas)])


def arrangements(here: Array, there: Array) -> Iterator[tuple[Array, Numbers, Numbers]]:
    """Yield affine maps between two sets of blobs, (3, 2), and the numbers of those that match.

    A map moves points of the source by [x y 1] @ map; the one with the most matches comes first.
    """
    found = [_refined(first, here, there) for first in _similarities(here, there)]
    known: list[Array] = []
    for affine, rows, columns in sorted(found, key=lambda each: -len(each[1])):
        if len(rows) < LEAST_MATCHES or len(known) == MOST_MAPS:
            return
        mapped = with_ones(here[:, :2]) @ affine
        if all(np.median(np.linalg.norm(mapped - each, axis=1)) > WITHIN / 2 for each in known):
            known.append(mapped)
            yield affine, rows, columns


def _similarities(here: Array, there: Array) -> Iterator[Array]:
    """Yield similarities as affine maps, (3, 2), from bins with many votes."""
    votes = _votes(here, there)
    if not len(votes):
        return
    factor, shift = votes.T
    # In the frame where it is larger, as a map that shrinks all blobs brings any of them together.
    grown = factor * complex(*here[:, :2].mean(axis=0)) + shift
    shrunk = (complex(*there[:, :2].mean(axis=0)) - shift) / factor
    moved = np.where(np.abs(factor) >= 1, grown, shrunk)
    where = [
        np.log(np.abs(factor)) / LOG_SCALE,
        np.angle(factor) / ANGLE,
        moved.real / SHIFT,
        moved.imag / SHIFT,
    ]
    for offset in (0.0, 0.5):  # a peak at the border of bins is in the middle of shifted ones
        bins = np.clip(np.floor(np.stack(where) + offset) + 128, 0, 255).astype(np.int64)
        bins[1] %= TURN  # half a turn is half a turn to either side
        number = np.ravel_multi_index(tuple(bins), (256,) * 4)
        order = np.argsort(number, kind="stable")
        ends = np.flatnonzero(np.diff(number[order], append=-1)) + 1
        counts = np.diff(ends, prepend=0)
        for peak in np.argsort(-counts, kind="stable")[:PEAKS]:
            inside = votes[order[ends[peak] - counts[peak] : ends[peak]]]
            a, b = np.median(inside.real, axis=0) + 1j * np.median(inside.imag, axis=0)
            yield np.array([[a.real, a.imag], [-a.imag, a.real], [b.real, b.imag]])


def _votes(here: Array, there: Array) -> Array:
    """Return (n, 2) complex a, b: a z + b maps two blobs of the source to two of the target."""
    (i, k, step), (m, n, other) = _pairs(here), _pairs(there)
    once = i < k  # the target's pairs are in both orders
    i, k, step = i[once], k[once], step[once]
    votes = [np.empty((0, 2), complex)]
    for first, second, leg in zip(i, k, step, strict=True):
        scale = np.log(np.abs(other) / abs(leg))
        likely = np.abs(scale) < np.log(MOST_SCALE)
        for blob, choice in ((first, m), (second, n)):
            likely &= np.abs(there[choice, 2] - here[blob, 2] - scale) < SAME_SIZE
        a = other[likely] / leg
        votes.append(
            np.stack(
                [a, there[m[likely], 0] + 1j * there[m[likely], 1] - a * complex(*here[first, :2])],
                axis=1,
            )
        )
    return np.concatenate(votes)


def _pairs(spots: Array) -> tuple[Numbers, Numbers, NDArray[np.complex128]]:
    """Return the numbers of two blobs that are not too close, and the complex step between them."""
    places = spots[:, 0] + 1j * spots[:, 1]
    step = places - places[:, np.newaxis]
    first, second = np.nonzero(np.abs(step) > LEAST_APART)
    return np.asarray(first), np.asarray(second), step[first, second]


def _refined(affine: Array, here: Array, there: Array) -> tuple[Array, Numbers, Numbers]:
    """Return the affine map of least squares, and the numbers of the blobs that match under it."""
    rows = columns = np.empty(0, dtype=int)
    for _ in range(ROUNDS):
        scale = np.log(max(abs(np.linalg.det(affine[:2])), 1e-12)) / 2
        within = WITHIN * min(1.0, np.exp(scale))
        gap = np.linalg.norm(
            (with_ones(here[:, :2]) @ affine)[:, np.newaxis] - there[:, :2], axis=2
        )
        gap[np.abs(there[:, 2] - here[:, 2:] - scale) > SAME_SIZE] = np.inf
        near, back = gap.argmin(axis=1), gap.argmin(axis=0)
        rows = np.flatnonzero((back[near] == np.arange(len(here))) & (gap.min(axis=1) < within))
        columns = near[rows]
        if len(rows) < LEAST_MATCHES:
            break
        affine = np.linalg.lstsq(with_ones(here[rows, :2]), there[columns, :2], rcond=None)[0]
    return affine, rows, columns
