"""What a pair of photos gives, as plain arrays for the cache, and back.

`FORMAT` is part of every key: increase it when the arrays or their meaning change. Changes of the
matcher need no new number, as its code is part of the keys too.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.anchors import Anchors
from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.found_blobs import FoundBlobs
from mel_debug.builtin.matchers.geometric.photo_pair import Beginning, Cells, PhotoPair
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.support import Support
from mel_debug.builtin.matchers.geometric.warp_field import WarpField

FORMAT = 2

Arrays = dict[str, NDArray[Any]]


def encode(pair: PhotoPair) -> Arrays:
    """The arrays of a pair; numbers keep all their digits."""
    blobs = pair.blobs.all()
    arrays: Arrays = {
        "cells": np.array([pair.source.cell, pair.target.cell], dtype=np.float64),
        "first": np.array([pair.first.matched, pair.first.tried], dtype=np.int64),
        "matches": np.column_stack([pair.places, pair.residuals]).astype(np.float64),
        "blobs": np.column_stack([blobs.places, blobs.offsets, blobs.weights]).astype(np.float64),
    }
    field = pair.warp_field
    if field is not None:
        arrays |= {
            "base": field.base.matrix.astype(np.float64),
            "shape": np.array(field.shape, dtype=np.int64),
            "coefficients": field.coefficients.astype(np.float64),
            "covariance": _half(field.covariance),
        }
        if field.kept_covariance is not None:
            arrays["kept_covariance"] = _half(field.kept_covariance)
        if field.support is not None:
            arrays |= {
                "shares": field.support.shares.astype(np.float64),
                "counts": field.support.counts.astype(np.float64),
                "corner": field.support.corner.astype(np.int64),
            }
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def decode(arrays: Mapping[str, NDArray[Any]]) -> PhotoPair | None:
    """The inverse of `encode`; None for arrays of another layout."""
    try:
        source, target = arrays["cells"]
        matched, tried = map(int, arrays["first"])
        matches, blobs = arrays["matches"].reshape(-1, 3), arrays["blobs"].reshape(-1, 5)
        return PhotoPair(
            Cells(source),
            Cells(target),
            Beginning(matched, tried),
            _field(arrays) if "base" in arrays else None,
            matches[:, :2],
            matches[:, 2],
            FoundBlobs(Anchors(blobs[:, :2], blobs[:, 2:4], blobs[:, 4])),
        )
    except (KeyError, ValueError, TypeError, IndexError):
        return None


def _field(arrays: Mapping[str, NDArray[Any]]) -> WarpField:
    rows, columns = map(int, arrays["shape"])
    coefficients = arrays["coefficients"]
    covariance = _whole(arrays["covariance"], len(coefficients))
    kept = None
    if "kept_covariance" in arrays:
        kept = _whole(arrays["kept_covariance"], len(coefficients))
    support = None
    if "shares" in arrays:
        support = Support(arrays["shares"], arrays["counts"], arrays["corner"])
    base = PlaneMap(arrays["base"].reshape(3, 3))
    return WarpField.fitted(base, (rows, columns), coefficients, covariance, support, kept)


def _half(covariance: Array) -> Array:
    """Return the lower half of a symmetric matrix, row by row."""
    return covariance[np.tril_indices(len(covariance))]


def _whole(half: NDArray[Any], count: int) -> Array:
    """Return the symmetric (count, count) matrix of its lower half."""
    whole: Array = np.empty((count, count))
    below = np.tril_indices(count)
    whole[below] = half
    whole.T[below] = half
    return whole
