"""How many matches must confirm a map of blobs."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric import blob_fits
from mel_debug.builtin.matchers.geometric.blob_field import GrownMap
from mel_debug.builtin.matchers.geometric.blob_fits import LIKELY_SHARE, SURE_SHARE, fits_of_blobs
from mel_debug.builtin.matchers.geometric.constellation import SURE, Arrangement
from mel_debug.builtin.matchers.geometric.first_fit import CONFIRMED_SHARE
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.types import FeatureMap, Photo


def photos() -> Photos:
    """Return a grey photo twice."""
    photo = Photo.of(np.full((120, 160, 3), 150, np.uint8))
    grid = PatchGrid.fit(Size(160, 120), 160, 8)
    valid = np.ones((grid.rows, grid.columns), bool)
    features = FeatureMap(photo, grid, np.ones((*valid.shape, 4), np.float32), valid, None)
    return Photos(features, features, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "rival", "least", "is_kept"),
    [
        (SURE + 1, 0.0, SURE_SHARE, True),
        (SURE + 1, 2.0, LIKELY_SHARE, False),
        (1.0, 0.0, LIKELY_SHARE, False),
        (SURE + 1, SURE + 2, CONFIRMED_SHARE, False),
        (-10.0, 0.0, CONFIRMED_SHARE, False),
    ],
)
def test_the_more_evidence_the_fewer_matches(
    evidence: float, rival: float, least: float, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any, as many as for maps of other kinds."""
    none = np.empty(0, dtype=np.intp)
    affine = np.array([[1.0, 0], [0, 1], [0, 0]])
    found = Arrangement(affine, GrownMap(evidence, none, none, 0.004), rival)
    monkeypatch.setattr(blob_fits, "arrangements", lambda *_: [found])
    (fit,) = fits_of_blobs(photos())
    assert fit.least == least
    assert (fit.sure_std is not None) == is_kept
