"""Laws of features as bytes: they are read as written, and foreign bytes are rejected."""

import hashlib
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load, save

from mel_debug.cache.encoding import (
    MAX_HALF_ERROR,
    StoredFeatures,
    decode,
    encode,
    in_half_precision,
)
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.types import Vectors

KEY = hashlib.sha256(b"a photo").hexdigest()
OTHER_KEY = hashlib.sha256(b"another").hexdigest()


def vectors_of(elements: st.SearchStrategy[float]) -> st.SearchStrategy[Vectors]:
    shapes = st.tuples(st.integers(1, 20), st.integers(1, 4), st.integers(1, 5))
    return arrays.arrays(np.float32, shapes, elements=elements)


any_number = st.floats(width=32, allow_nan=False, allow_infinity=False)


def described(vectors: Vectors, seed: int = 0) -> StoredFeatures:
    rows, columns = vectors.shape[:2]
    grid = PatchGrid(Size(640, 480), 16, rows, columns)
    valid = np.random.default_rng(seed).random((rows, columns)) < 0.7
    return StoredFeatures.of(grid, vectors, valid, (1, 20, 255))


def example() -> StoredFeatures:
    return described(np.random.default_rng(0).standard_normal((6, 8, 4)).astype(np.float32))


@given(vectors_of(any_number), st.integers(0, 9))
def test_decoding_inverts_encoding(vectors: Vectors, seed: int) -> None:
    """Grid, vectors, valid mask and colour, to the bit."""
    before = described(vectors, seed)
    after = decode(KEY, encode(KEY, before))
    assert after is not None
    assert (after.grid, after.colour) == (before.grid, before.colour)
    assert after.vectors.dtype == before.vectors.dtype
    assert np.array_equal(after.vectors, before.vectors)
    assert np.array_equal(after.valid, before.valid)


@given(vectors_of(any_number))
def test_half_precision_changes_no_vector_by_more_than_a_thousandth(vectors: Vectors) -> None:
    """Of its length; otherwise vectors keep full precision."""
    half = in_half_precision(vectors)
    moved = np.linalg.norm(half.astype(np.float64) - vectors.astype(np.float64), axis=-1)
    assert (moved <= MAX_HALF_ERROR * np.linalg.norm(vectors.astype(np.float64), axis=-1)).all()


@given(vectors_of(st.floats(-1000, 1000, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)))
def test_usual_vectors_are_stored_in_half_precision(vectors: Vectors) -> None:
    """Such as those of the built-in extractors."""
    assert in_half_precision(vectors).dtype == np.float16


@pytest.mark.parametrize("number", [65600.0, 1e20, 1e-7, 1e-30])
def test_numbers_beyond_half_precision_keep_full_precision(number: float) -> None:
    """Large ones would become infinite, small ones zero."""
    vectors = np.ones((3, 3, 4), dtype=np.float32)
    vectors[1, 2] = number
    assert in_half_precision(vectors).dtype == np.float32
    assert np.array_equal(in_half_precision(vectors), vectors)


@given(st.data())
def test_a_file_cut_short_or_changed_is_rejected(data: st.DataObject) -> None:
    """At any length, and with any changed byte."""
    whole = encode(KEY, example())
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert decode(KEY, whole[:cut]) is None
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    seen = decode(KEY, bytes(changed))
    assert seen is None or encode(KEY, seen) == whole


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_rejected(data: bytes) -> None:
    """Only bytes written for the key are accepted."""
    assert decode(KEY, data) is None


def test_features_of_another_key_are_rejected() -> None:
    """A renamed file contains the key it was written for."""
    assert decode(OTHER_KEY, encode(KEY, example())) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"vectors": None},
        {"valid": None},
        {"valid": np.ones((2, 2), dtype=bool)},
        {"valid": np.ones((6, 8), dtype=np.uint8)},
        {"vectors": np.ones((6, 8, 4), dtype=np.float64)},
        {"vectors": np.ones((6, 8), dtype=np.float32)},
        {"photo_width_height_patch": np.array([0, 5, 8])},
        {"photo_width_height_patch": np.array([5.5])},
        {"mean_colour": np.array([1, 2], dtype=np.uint8)},
        {"checksum": np.array([], dtype=np.uint32)},
    ],
)
def test_other_safetensors_files_are_rejected(changes: dict[str, Any]) -> None:
    """Such as those of another program or of another version."""
    whole = load(encode(KEY, example()))
    content = {name: array for name, array in {**whole, **changes}.items() if array is not None}
    total = 0
    for name in sorted(set(content) - {"checksum"}):
        total = zlib.crc32(content[name].tobytes(), total)
    if "checksum" not in changes:
        content["checksum"] = np.array([total], dtype=np.uint32)
    assert decode(KEY, save(content)) is None
