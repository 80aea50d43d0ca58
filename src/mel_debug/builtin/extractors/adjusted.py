"""Changes to the features of any extractor: scales, outliers, positional bias, upsampling."""

import threading
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.extractors.padding import padded
from mel_debug.builtin.extractors.settings import scales_of
from mel_debug.core.option import OptionValue
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Colour, Pixels, Vectors

MOST_CHANNELS = 4
"""OpenCV's cubic interpolation is exact for any number of channels, but fast up to four."""

MOST_BASES = 8
"""Positional bases that are kept, one for each shape of grid; the windows of a run have few."""

REFERENCE = 8
"""Rows and columns of the image of noise on which outlier dimensions are found."""


def adjusted(extractor: FeatureExtractor, values: Mapping[str, OptionValue]) -> FeatureExtractor:
    """The extractor, changed as the options in `settings` say; itself if all are off."""
    scales = scales_of(values)
    debias, outliers, upsample = (
        int(values[name]) for name in ("debias", "drop_outliers", "upsample")
    )
    if set(scales) != {1.0}:
        extractor = Scaled(extractor, scales)
    if outliers:
        extractor = WithoutOutliers(extractor, outliers)
    if debias:
        extractor = Debiased(extractor, debias)
    return Upsampled(extractor, upsample) if upsample > 1 else extractor


class _Wrapper:
    """An extractor with the patch and the mean colour of another."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        self.inner = extractor
        self.patch = extractor.patch

    @property
    def mean_colour(self) -> Colour:
        return self.inner.mean_colour


class Scaled(_Wrapper):
    """Averages the unit vectors of an image at several scales.

    Each scaled image has whole patches, so factors are rounded; vectors are interpolated to the
    grid of the image itself.
    """

    def __init__(self, extractor: FeatureExtractor, scales: tuple[float, ...]) -> None:
        super().__init__(extractor)
        self.scales = scales

    def extract(self, images: Pixels) -> Vectors:
        """See `FeatureExtractor.extract`."""
        rows, columns = (side // self.patch for side in images.shape[1:3])
        maps: list[Vectors] = []
        for scale in self.scales:
            there = [max(1, round(cells * scale)) for cells in (rows, columns)]
            size = (there[1] * self.patch, there[0] * self.patch)
            shrinks = there[0] <= rows and there[1] <= columns
            method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            scaled = np.stack([cv2.resize(image, size, interpolation=method) for image in images])
            vectors = _unit(self.inner.extract(scaled))
            maps.append(
                np.stack([_resized(each, rows, columns, cv2.INTER_LINEAR) for each in vectors])
            )
        mean: Vectors = np.mean(maps, axis=0, dtype=np.float32)
        return mean


class WithoutOutliers(_Wrapper):
    """Sets the dimensions to zero whose mean is largest, relative to the vectors' length.

    They are found once, on an image of seeded noise, so that they are the same for all photos.
    """

    def __init__(self, extractor: FeatureExtractor, number: int) -> None:
        super().__init__(extractor)
        self.number = number
        self._outliers: NDArray[np.int64] | None = None
        self._lock = threading.Lock()

    @property
    def outliers(self) -> NDArray[np.int64]:
        """The numbers of the dimensions that are dropped."""
        with self._lock:
            if self._outliers is None:
                side = REFERENCE * self.patch
                rng = np.random.default_rng(0)
                noise = rng.integers(0, 256, (1, side, side, 3), dtype=np.uint8)
                vectors = self.inner.extract(noise)
                means = np.abs(vectors.reshape(-1, vectors.shape[-1]).mean(axis=0))
                # At least one dimension remains.
                most = min(self.number, len(means) - 1)
                self._outliers = np.argsort(-means, kind="stable")[:most]
            return self._outliers

    def extract(self, images: Pixels) -> Vectors:
        """See `FeatureExtractor.extract`."""
        outliers = self.outliers
        vectors = np.array(self.inner.extract(images))
        vectors[..., outliers] = 0
        return vectors


class Debiased(_Wrapper):
    """Projects out the directions in which the features of a blank image extend most.

    What differs between the patches of a blank image, or is common to all, is position and no
    content (INSID3: Cuttano et al. 2026, arXiv 2603.28480). The basis has the first right singular
    vectors of the unit vectors of an image in the mean colour, of the same size; it is computed
    once for each size. The published code differs: its blank image is black, and it centres the
    vectors first, so what is common to all patches remains.
    """

    def __init__(self, extractor: FeatureExtractor, components: int) -> None:
        super().__init__(extractor)
        self.components = components
        self._bases: dict[tuple[int, int], Vectors] = {}
        self._lock = threading.Lock()

    def basis(self, height: int, width: int) -> Vectors:
        """(components, dimensions) orthonormal rows for images of a size in scaled pixels."""
        with self._lock:
            basis = self._bases.get((height, width))
            if basis is None:
                blank = np.empty((1, height, width, 3), np.uint8)
                blank[:] = self.mean_colour
                vectors = _unit(self.inner.extract(blank))
                flat = vectors.reshape(-1, vectors.shape[-1]).astype(np.float64)
                basis = _principal(flat, self.components)
                while len(self._bases) >= MOST_BASES:
                    del self._bases[next(iter(self._bases))]
                self._bases[height, width] = basis
            return basis

    def extract(self, images: Pixels) -> Vectors:
        """See `FeatureExtractor.extract`."""
        basis = self.basis(*images.shape[1:3])
        vectors = self.inner.extract(images)
        along = vectors @ basis.T
        return np.asarray(vectors - along @ basis, dtype=np.float32)


class Upsampled(_Wrapper):
    """Interpolates vectors to `factor` times as many rows and columns, bicubically."""

    def __init__(self, extractor: FeatureExtractor, factor: int) -> None:
        super().__init__(extractor)
        self.factor = factor
        self.patch = extractor.patch // factor

    def extract(self, images: Pixels) -> Vectors:
        """See `FeatureExtractor.extract`; images need no whole patches of the inner extractor."""
        height, width = images.shape[1:3]
        coarse = self.inner.extract(padded(images, self.inner.patch))
        rows, columns = (side * self.factor for side in coarse.shape[1:3])
        fine = np.stack([_resized(each, rows, columns, cv2.INTER_CUBIC) for each in coarse])
        vectors: Vectors = fine[:, : height // self.patch, : width // self.patch].copy()
        return vectors


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
    return result


def _principal(vectors: NDArray[np.float64], components: int) -> Vectors:
    """The first right singular vectors, from the smaller of the two products of the matrix.

    Directions in which the vectors extend no further than rounding are left out.
    """
    count, dimensions = vectors.shape
    if count < dimensions:
        squares, left = np.linalg.eigh(vectors @ vectors.T)
    else:
        squares, right = np.linalg.eigh(vectors.T @ vectors)
    order = np.argsort(-squares)[:components]
    order = order[squares[order] > 1e-12 * max(squares.max(), 1e-12)]
    if count < dimensions:
        rows = (left[:, order] / np.sqrt(squares[order])).T @ vectors
    else:
        rows = right[:, order].T
    return np.asarray(rows, dtype=np.float32)


def _resized(vectors: Vectors, rows: int, columns: int, method: int) -> Vectors:
    """(rows, columns, dimensions) interpolated between cell centres; beyond the border constant."""
    if vectors.shape[:2] == (rows, columns):
        return vectors
    parts = [
        cv2.resize(
            np.ascontiguousarray(vectors[..., first : first + MOST_CHANNELS]),
            (columns, rows),
            interpolation=method,
        ).reshape(rows, columns, -1)
        for first in range(0, vectors.shape[-1], MOST_CHANNELS)
    ]
    return np.concatenate(parts, axis=-1)
