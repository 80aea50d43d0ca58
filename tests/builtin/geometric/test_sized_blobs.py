"""Which spots of a photo are blobs, and how large they are."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric.sized_blobs import blobs
from mel_debug.core.types import Photo


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
