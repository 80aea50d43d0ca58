"""The features of one photo as bytes: safetensors, so that reading a file can run no code."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.cache.previews import StoredPreview
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.types import Colour, Mask, Preview, Vectors

HARMLESS = 1e-3
"""Half precision is kept where it moves no vector by more than this share of its length.

By rounding alone it moves one by at most 2 ** -11, about 0.0005. More means that numbers were too
large for half precision, or so small that it has no digits left for them.
"""

ROWS_AT_ONCE = 16
CHECKSUM = "checksum"

Content = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class StoredFeatures:
    """What is remembered of a photo: grid, vectors, valid cells, the colour of its paint, a preview.

    `vectors` is (rows, columns, dimensions), float16 if that is harmless, else float32. A small
    photo has no preview: it is read itself.
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
        return cls(grid, halved(vectors), valid, colour, small)


def halved(vectors: Vectors) -> NDArray[np.float16] | NDArray[np.float32]:
    """The vectors in half precision, or as they are where the loss would not be harmless."""
    with np.errstate(over="ignore"):
        half = vectors.astype(np.float16)
    for start in range(0, len(vectors), ROWS_AT_ONCE):
        exact = vectors[start : start + ROWS_AT_ONCE].astype(np.float64)
        lost = half[start : start + ROWS_AT_ONCE] - exact
        moved = np.einsum("rcd,rcd->rc", lost, lost)
        lengths = np.einsum("rcd,rcd->rc", exact, exact)
        if not (moved <= HARMLESS**2 * lengths).all():
            return vectors
    return half


def encode(key: str, described: StoredFeatures) -> bytes:
    """One safetensors file; `key` goes in, so that a file under a wrong name is found out."""
    from safetensors.numpy import save

    grid = described.grid
    shape = (grid.photo.width, grid.photo.height, grid.patch)
    content: Content = {
        "vectors": np.ascontiguousarray(described.vectors),
        "valid": np.ascontiguousarray(described.valid),
        "photo_width_height_patch": np.array(shape, dtype=np.int64),
        "mean_colour": np.array(described.colour, dtype=np.uint8),
        "key": np.frombuffer(bytes.fromhex(key), dtype=np.uint8),
    }
    if described.preview is not None:
        content["preview_jpeg"] = described.preview.jpeg
        content["preview_mask"] = described.preview.mask
    return bytes(save({**content, CHECKSUM: np.array([_sum(content)], dtype=np.uint32)}))


def decode(key: str, data: bytes) -> StoredFeatures | None:
    """What `encode` made of the same key; None for anything else, such as a file cut short."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content: Content = load(data)
        if content.pop(CHECKSUM).tolist() != [_sum(content)]:
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


def _sum(content: Content) -> int:
    """The CRC-32 of all arrays; safetensors itself notices no more than a wrong length."""
    total = 0
    for name in sorted(content):
        total = zlib.crc32(content[name].data, total)
    return total
