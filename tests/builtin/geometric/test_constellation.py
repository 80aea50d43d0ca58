"""Laws of matches of blobs by their arrangement."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.constellation import MOST_SCALE, arrangements, blobs
from mel_debug.core.types import Photo

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, count: int) -> np.ndarray:
    """Return (count, 3): x, y and log sigma of blobs, anywhere on a photo."""
    generator = np.random.default_rng(seed)
    places = generator.uniform(0.05, 0.95, (count, 2))
    return np.column_stack([places, generator.uniform(-6.5, -5.5, count)])


@pytest.mark.slow
@given(
    SEEDS,
    st.floats(-np.pi, np.pi) | st.sampled_from([-np.pi, np.pi]),
    st.floats(-np.log(MOST_SCALE) + 0.3, np.log(MOST_SCALE) - 0.3),
)
def test_any_turn_and_size_is_found_among_blobs_that_only_one_photo_has(
    seed: int, angle: float, log_scale: float
) -> None:
    """16 blobs that both have, moved by up to 0.3 % of the side, and as many others in each."""
    generator = np.random.default_rng(seed + 1)
    here = drawn(seed, 32)
    there = drawn(seed + 2, 32)
    turn = np.exp(log_scale) * np.array(
        [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    )
    shift = generator.uniform(-0.3, 0.3, 2)
    there[:16, :2] = here[:16, :2] @ turn + shift + generator.uniform(-0.003, 0.003, (16, 2))
    there[:16, 2] = here[:16, 2] + log_scale + generator.uniform(-0.2, 0.2, 16)
    affine, rows, columns = next(iter(arrangements(here, there)))
    right = (rows == columns) & (rows < 16)
    assert right.sum() >= 14
    at = here[:16, :2]
    assert np.abs(at @ affine[:2] + affine[2] - at @ turn - shift).max() < 0.02 * max(
        1.0, np.exp(log_scale)
    )


@pytest.mark.parametrize("count", [0, 1, 7])
def test_few_blobs_have_no_arrangement(count: int) -> None:
    """However well they agree."""
    few = drawn(3, count)
    assert list(arrangements(few, few)) == []


@pytest.mark.slow
def test_the_blobs_of_a_photo_are_its_spots_whatever_the_light_on_them() -> None:
    """Edges of a shadow and hairs are none; places and sizes are shares of the longer side."""
    generator = np.random.default_rng(4)
    across, down = np.meshgrid(np.arange(120, 1100, 140), np.arange(100, 850, 150))
    spots = np.column_stack([across.ravel(), down.ravel()]) + generator.uniform(-20, 20, (35, 2))
    sigmas = generator.uniform(3.0, 6.0, len(spots))
    y, x = np.mgrid[:900, :1200] + 0.5
    log = np.full((900, 1200), np.log(170.0))
    for (left, top), sigma in zip(spots, sigmas, strict=True):
        log -= 0.4 * np.exp(-((x - left) ** 2 + (y - top) ** 2) / (2 * sigma**2))
    log[x > y + 200] -= 0.9  # a shadow
    log -= 0.5 * np.exp(-((x + y - 900) ** 2) / 8)  # a hair
    photo = Photo.of(np.repeat(np.exp(log).astype(np.uint8)[..., np.newaxis], 3, axis=2))
    found = blobs(photo)
    gap = np.linalg.norm(found[:, np.newaxis, :2] * 1200 - spots, axis=2)
    assert (gap.min(axis=0) < 3).mean() > 0.8
    nearest = gap.argmin(axis=1)
    at_spots = gap.min(axis=1) < 3
    ratio = np.exp(found[at_spots, 2]) * 1200 / sigmas[nearest[at_spots]]
    assert np.median(np.abs(np.log(ratio))) < 0.25


def test_only_skin_has_blobs() -> None:
    y, x = np.mgrid[:300, :300]
    grey = 170 - 110 * np.exp(-((x - 150) ** 2 + (y - 140) ** 2) / 50)
    pixels = np.repeat(grey.astype(np.uint8)[..., np.newaxis], 3, axis=2)
    assert len(blobs(Photo.of(pixels))) == 1
    for mask in (np.zeros((300, 300), dtype=bool), x > 200):
        assert len(blobs(Photo.of(pixels, mask))) == 0
