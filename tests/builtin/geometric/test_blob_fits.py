"""How many matches must confirm a map of blobs."""

from types import SimpleNamespace

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric import blob_fits
from mel_debug.builtin.matchers.geometric.attempts import Attempt
from mel_debug.builtin.matchers.geometric.bent_arrangements import LIKELY, SURE, Arrangement
from mel_debug.builtin.matchers.geometric.blob_field import GrownMap
from mel_debug.builtin.matchers.geometric.blob_fits import (
    LIKELY_SHARES,
    SURE_SHARE,
    fits_of_blobs,
    keep_blobs,
    spots_confirm,
)
from mel_debug.builtin.matchers.geometric.first_fit import CONFIRMED_SHARE
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.core.geometry import PatchGrid
from mel_debug.core.types import FeatureMap, Photo


def spotted(seed: int) -> Photo:
    """Return a photo of 40 dark spots."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:360, :480] + 0.5
    log = np.full(x.shape, np.log(170.0))
    for left, top in generator.uniform(20, [460, 340], (40, 2)):
        log -= 0.5 * np.exp(-((x - left) ** 2 + (y - top) ** 2) / 18)
    return Photo.of(np.repeat(np.exp(log).astype(np.uint8)[..., np.newaxis], 3, axis=2))


def photos(source: Photo | None = None, target: Photo | None = None) -> Photos:
    """Return two photos of the same size, or a grey one twice."""
    grey = Photo.of(np.full((120, 160, 3), 150, np.uint8))
    maps = []
    for photo in (source or grey, target or grey):
        grid = PatchGrid.fit(photo.size, photo.size.longest, 8)
        valid = np.ones((grid.rows, grid.columns), bool)
        vectors = np.ones((*valid.shape, 4), np.float32)
        maps.append(FeatureMap(photo, grid, vectors, valid, None))
    here, there = maps
    return Photos(here, there, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("other", "is_kept"), [(1, True), (2, False)])
def test_a_field_keeps_the_spots_of_the_same_skin_only(other: int, is_kept: bool) -> None:
    """Those of other skin don't confirm it."""
    both = photos(spotted(1), spotted(other))
    source = both.source_at(1.0)
    field = WarpField(PlaneMap(np.eye(3)), source.valid.shape)
    at = np.stack(np.meshgrid(np.arange(2, 60, 6), np.arange(2, 45, 6)), axis=-1).reshape(-1, 2)
    field.grow(at.astype(float), np.zeros(at.shape), np.ones(len(at), bool))
    attempt: Attempt = SimpleNamespace(source=source, warp_field=field)  # type: ignore[assignment]
    assert spots_confirm(attempt, both, rival=0.0) is is_kept
    assert not spots_confirm(attempt, both, rival=1e6)
    keep_blobs(attempt, both)
    assert (field.kept_covariance is not None) == is_kept


@pytest.mark.parametrize(
    ("evidence", "rival", "least", "is_kept"),
    [
        (SURE + 1, 0.0, SURE_SHARE, True),
        (SURE + 2, 2.0 + 1e-9, LIKELY_SHARES[1], False),
        (3 * SURE / 4, 0.0, sum(LIKELY_SHARES) / 2, False),
        (SURE / 2 + 2, 2.0, LIKELY_SHARES[0], False),
        (LIKELY + 1, 0.0, LIKELY_SHARES[0], False),
        (LIKELY - 1, 0.0, CONFIRMED_SHARE, False),
        (SURE + 1, SURE + 2, CONFIRMED_SHARE, False),
        (-10.0, 0.0, CONFIRMED_SHARE, False),
    ],
)
def test_the_more_evidence_the_fewer_matches(
    evidence: float, rival: float, least: float, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those for a rival count against it; without any, as many as for maps of other kinds."""
    none = np.empty(0, dtype=np.intp)
    field = WarpField(PlaneMap(np.eye(3)), (30, 40))
    affine = np.array([[1.0, 0], [0, 1], [0, 0]])
    found = Arrangement(affine, GrownMap(evidence, field, none, none, 0.004), rival)
    monkeypatch.setattr(blob_fits, "arrangements", lambda *_: [found])
    (fit,) = fits_of_blobs(photos())
    assert fit.least == pytest.approx(least)
    assert (fit.sure_std is not None) == is_kept
