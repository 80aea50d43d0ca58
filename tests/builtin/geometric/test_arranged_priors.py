"""Priors of moles where the warp field is not sure, by the dark blobs of two photos."""

from typing import cast

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric.arranged_priors import ARRANGED_STD, ArrangedPriors
from mel_debug.builtin.matchers.geometric.photo_pair import Beginning, Cells, PhotoPair
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.spot_search import Prior, SpotSearch
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Photo
from spotted import apart, spotted

SIDE, CELL = 800, 8.0
OFF = np.array([12.0, -7.0])
"""Pixels by which the warp field is wrong."""

TURN = np.array([[0.9, -0.3], [0.3, 0.9]])
"""The local map from the source to the target."""


def skin(spots: np.ndarray) -> Photo:
    """Return a photo of even skin with dark spots at (n, 2) pixels."""
    return spotted(spots, SIDE, 2.5)


def asked(source: np.ndarray, target: np.ndarray, mole: np.ndarray, std: float) -> Prior:
    """Return the prior of a mole whose warp field is `OFF` pixels off, with a std in cells."""
    nothing = np.empty((0, 2))
    cells = Cells(np.full(2, CELL))
    pair = PhotoPair(cells, cells, Beginning(0, 1), None, nothing, np.empty(0))
    field = WarpField(PlaneMap(np.eye(3)), (SIDE // 8, SIDE // 8))
    photos = skin(source), skin(target)
    search = SpotSearch(pair, field, photos, cast(FeatureExtractor, None))
    prior = Prior(to_target(mole) + OFF, TURN, std, np.full(9, 0.1))
    return ArrangedPriors(search, mole[np.newaxis], [prior]).unless_sure(0, prior)


def to_target(places: np.ndarray) -> np.ndarray:
    """Return where (n, 2) places of the source are in the target."""
    moved: np.ndarray = (places - SIDE / 2) @ TURN.T + SIDE / 2
    return moved


@pytest.fixture
def spots() -> np.ndarray:
    """40 spots around a mole in the middle, apart from each other."""
    return apart(40, SIDE / 2 - 90, SIDE / 2 + 90, 12, 3)


def test_an_unsure_prior_is_that_of_the_blobs_around(spots: np.ndarray) -> None:
    """They say where the mole is expected, how sure that is, and how many agree."""
    mole = np.full(2, SIDE / 2)
    found = asked(spots, to_target(spots), mole, std=3.0)
    assert np.hypot(*(found.place - to_target(mole))) < 0.001 * SIDE
    assert found.std * CELL == pytest.approx(ARRANGED_STD * SIDE)
    assert found.anchors >= 20


def test_a_sure_prior_and_one_among_other_blobs_stay(spots: np.ndarray) -> None:
    """Neither is changed in any way."""
    mole = np.full(2, SIDE / 2)
    for target, std in ((spots, 0.3), (SIDE - spots[:, ::-1], 3.0)):
        kept = asked(spots, to_target(target), mole, std)
        assert np.array_equal(kept.place, to_target(mole) + OFF)
        assert (kept.std, kept.anchors) == (std, 0)
