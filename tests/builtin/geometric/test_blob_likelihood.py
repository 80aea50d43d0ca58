"""Laws of the comparison of blobs under a map."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.blob_likelihood import match_blobs
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs

SEEDS = st.integers(0, 2**32 - 1)
EXTENT = np.array([1.0, 0.75])


def drawn(seed: int, count: int) -> Blobs:
    """Return blobs anywhere on a photo."""
    generator = np.random.default_rng(seed)
    places = generator.uniform(0.01, 0.99, (count, 2)) * EXTENT
    return Blobs(places, generator.uniform(-6.5, -5.5, count), EXTENT)


@settings(max_examples=25)
@given(SEEDS, st.integers(20, 150))
def test_a_photo_is_more_probable_under_the_right_map_than_under_others(
    seed: int, count: int
) -> None:
    """Each blob is then itself; one that is elsewhere, or of another size, is another."""
    blobs = drawn(seed, count)
    std = np.full(count, 0.004)
    right = match_blobs(blobs, blobs, blobs.places, std, 0.0, count)
    assert (right.far == right.close).all()
    assert (right.weights > 0.5).mean() > 0.9
    elsewhere = match_blobs(blobs, blobs, blobs.places + 0.05, std, 0.0, count)
    larger = match_blobs(blobs, blobs, blobs.places, std, 2.0, count)
    assert right.likelihood > count
    assert max(elsewhere.likelihood, larger.likelihood) < right.likelihood / 2


@settings(max_examples=25)
@given(SEEDS, st.integers(0, 150), st.integers(0, 150), st.integers(1, 200))
def test_each_blob_is_at_most_one_of_the_other_photo(
    seed: int, here: int, there: int, most: int
) -> None:
    """Only blobs in view count, those with the highest contrast first."""
    far, close = drawn(seed, here), drawn(seed + 1, there)
    mapped = 1.3 * far.places - 0.1
    found = match_blobs(far, close, mapped, np.full(here, 0.01), 0.0, most)
    inside = np.flatnonzero(((mapped > 0) & (mapped < EXTENT)).all(axis=1))
    assert set(found.far) <= set(inside[:most])
    assert ((found.weights >= 0) & (found.weights <= 1)).all()
    matched = found.close[found.weights > 0]
    assert len(set(matched)) == len(matched)
