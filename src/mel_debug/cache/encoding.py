"""The features of one photo as bytes, in the safetensors format, which cannot contain code."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.cache.previews import StoredPreview
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.types import Colour, Mask, Preview, Vectors

MAX_HALF_ERROR = 1e-3
"""Half precision is used if it changes no vector by more than this share of its length.

Rounding alone changes a vector by at most 2 ** -11, about 0.0005. A larger change means that
values overflow half precision or are so small that they lose digits.
"""

ROWS_AT_ONCE = 16
"""Rows of the grid that are compared in float64 at a time, to bound the memory of the check."""

CHECKSUM = "checksum"

Content = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class StoredFeatures:
    """What the cache stores of a photo: grid, vectors, valid mask, paint colour and preview.

    `vectors` is (rows, columns, dimensions), float16 where that is exact enough, else float32.
    `valid` is (rows, columns) bool. `colour` is the RGB colour that masked pixels were painted
    with. Small photos have no preview, because the photo itself is read instead.
    """

    grid: PatchGrid
    vectors: NDArray[np.float16] | NDArray[np.float32]
    valid: Mask
    colour: Colour
    preview: StoredPreview | None = None

    @classmethod
    def of(
        cls,
        grid: PatchGrid,
        vectors: Vectors,
        valid: Mask,
        colour: Colour,
        preview: Preview | None = None,
    ) -> "StoredFeatures":
        small = None if preview is None else StoredPreview.of(preview)
        """From full-precision values; vectors and preview are compressed."""
        return cls(grid, in_half_precision(vectors), valid, colour, small)


def in_half_precision(vectors: Vectors) -> NDArray[np.float16] | NDArray[np.float32]:
    """The vectors as float16, or unchanged if one would change by more than `MAX_HALF_ERROR`."""
    with np.errstate(over="ignore"):
        half = vectors.astype(np.float16)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        exact = vectors[start : start + ROWS_AT_ONCE].astype(np.float64)
        errors = half[start : start + ROWS_AT_ONCE] - exact
        squared_errors = np.einsum("rcd,rcd->rc", errors, errors)
        squared_lengths = np.einsum("rcd,rcd->rc", exact, exact)
        if not (squared_errors <= MAX_HALF_ERROR**2 * squared_lengths).all():
            return vectors
    return half


def encode(key: str, features: StoredFeatures) -> bytes:
    """The content of a safetensors file. It includes `key`, to detect files with a wrong name."""
    from safetensors.numpy import save

    grid = features.grid
    shape = (grid.photo.width, grid.photo.height, grid.patch)
    content: Content = {
        "vectors": np.ascontiguousarray(features.vectors),
        "valid": np.ascontiguousarray(features.valid),
        "photo_width_height_patch": np.array(shape, dtype=np.int64),
        "mean_colour": np.array(features.colour, dtype=np.uint8),
        "key": np.frombuffer(bytes.fromhex(key), dtype=np.uint8),
    }
    if features.preview is not None:
        content["preview_jpeg"] = features.preview.jpeg
        content["preview_mask"] = features.preview.mask
    return bytes(save({**content, CHECKSUM: np.array([checksum(content)], dtype=np.uint32)}))


def decode(key: str, data: bytes) -> StoredFeatures | None:
    """The inverse of `encode`; None for data of another key or that is damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content: Content = load(data)
        if content.pop(CHECKSUM).tolist() != [checksum(content)]:
            return None
        vectors, valid = content["vectors"], content["valid"]
        width, height, patch = map(int, content["photo_width_height_patch"])
        red, green, blue = map(int, content["mean_colour"])
        preview = None
        if "preview_jpeg" in content:
            preview = StoredPreview(content["preview_jpeg"], content["preview_mask"])
        rows, columns, _ = vectors.shape
        grid = PatchGrid(Size(width, height), patch, rows, columns)
        is_ours = (
            content["key"].tobytes() == bytes.fromhex(key)
            and vectors.dtype in (np.float16, np.float32)
            and valid.dtype == np.bool_
            and valid.shape == (rows, columns)
        )
    except (SafetensorError, KeyError, ValueError, TypeError):
        return None
    return StoredFeatures(grid, vectors, valid, (red, green, blue), preview) if is_ours else None


def checksum(content: Content) -> int:
    """The CRC-32 of all arrays; safetensors itself only detects a wrong length."""
    total = 0
    for name in sorted(content):
        total = zlib.crc32(content[name].data, total)
    return total
