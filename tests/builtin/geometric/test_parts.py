"""Laws of the steps of the geometric matcher."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from mel_debug.builtin.matchers.geometric.correspondences import Compared, mutual_matches_nearby
from mel_debug.builtin.matchers.geometric.pixel_alignment import estimate_shift
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.builtin.matchers.similarity import unit
from painted import white_spot

SEEDS = st.integers(0, 2**32 - 1)


def mutual_matches(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The indices of mutual nearest neighbours."""
    compared = Compared.of(a, b)
    return np.flatnonzero(compared.mutual), compared.choice[compared.mutual]


@given(SEEDS, st.integers(1, 700), st.integers(1, 5000))
@settings(max_examples=20, deadline=None)
def test_mutual_matches_do_not_depend_on_blocks(seed: int, m: int, n: int) -> None:
    """Every match is a pair of mutual nearest neighbours, across blocks too."""
    generator = np.random.default_rng(seed)
    a = unit(generator.normal(size=(m, 8)).astype(np.float32))
    b = unit(generator.normal(size=(n, 8)).astype(np.float32))
    i, k = mutual_matches(a, b)
    similarity = a @ b.T
    expected = {
        (row, column)
        for row, column in enumerate(similarity.argmax(axis=1))
        if similarity[:, column].argmax() == row
    }
    assert set(zip(i.tolist(), k.tolist(), strict=True)) == expected


@given(SEEDS, st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_a_local_search_with_unlimited_reach_equals_the_global_search(
    seed: int, rows: int, columns: int
) -> None:
    """Tiles don't change the matches if every cell is within reach; masked cells never match."""
    generator = np.random.default_rng(seed)
    a, b = (unit(generator.normal(size=(rows, columns, 8)).astype(np.float32)) for _ in "ab")
    a_valid, b_valid = (generator.random((rows, columns)) < 0.8 for _ in "ab")
    i, k = mutual_matches(a[a_valid], b[b_valid])
    expected = set(
        zip(
            map(tuple, np.argwhere(a_valid)[i].tolist()),
            map(tuple, np.argwhere(b_valid)[k].tolist()),
            strict=True,
        )
    )
    here, there = mutual_matches_nearby(a, a_valid, b, b_valid, np.full((rows, columns), 60.0))
    found = set(zip(map(tuple, here.tolist()), map(tuple, there.tolist()), strict=True))
    assert found == expected


@given(dx=st.floats(-4, 4), dy=st.floats(-4, 4), gain=st.floats(0.5, 2), offset=st.floats(-50, 50))
@settings(max_examples=30, deadline=None)
def test_alignment_finds_a_shift_under_a_change_of_light(
    dx: float, dy: float, gain: float, offset: float
) -> None:
    """A shift of a few pixels is found to 0.1 px for any gain and offset."""
    first = white_spot(96, 96, 48, 48)[..., 0] + 0.5 * white_spot(96, 96, 60, 40)[..., 0]
    moved = (
        white_spot(96, 96, 48 + dx, 48 + dy)[..., 0]
        + 0.5 * white_spot(96, 96, 60 + dx, 40 + dy)[..., 0]
    )
    away = np.arange(96) - 47.5
    weight = np.exp(-(away[:, np.newaxis] ** 2 + away**2) / 800)
    second = (gain * moved + offset).astype(np.float32)
    shift, correlation = estimate_shift(first.astype(np.float32), second, weight)
    np.testing.assert_allclose(shift, [dx, dy], atol=0.1)
    assert correlation > 0.99


@pytest.mark.slow
@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_warp_field_learns_a_bend_and_its_std_grows_away_from_matches(seed: int) -> None:
    """From matches on one half, with outliers, the bend is accurate there, uncertain elsewhere."""
    generator = np.random.default_rng(seed)
    places = generator.uniform((0, 0), (100, 160), (1500, 2))
    bend = 4 * np.sin(places[:, :1] / 40) * np.array([[1.0, -0.5]])
    shifts = bend + generator.normal(0, 0.5, bend.shape)
    wrong = generator.random(1500) < 0.3
    shifts[wrong] = generator.uniform(-40, 40, (wrong.sum(), 2))
    warp_field = WarpField(PlaneMap(np.eye(3)), (160, 160))
    warp_field.grow(places, shifts, np.linalg.norm(shifts - bend, axis=1) < 2)
    inside = np.array([[30.0, 40.0], [60.0, 100.0], [80.0, 60.0]])
    truth = inside + 4 * np.sin(inside[:, :1] / 40) * np.array([[1.0, -0.5]])
    assert np.linalg.norm(warp_field(inside) - truth, axis=1).max() < 0.5
    assert warp_field.std(np.array([[150.0, 80.0]]))[0] > 4 * warp_field.std(inside).max()


@pytest.mark.slow
@given(SEEDS, st.integers(20, 300), st.integers(20, 300), st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_the_displacement_is_a_cubic_b_spline(
    seed: int, rows: int, columns: int, count: int
) -> None:
    """It equals scipy's B-spline of the same coefficients, inside the photo and just beyond it."""
    generator = np.random.default_rng(seed)
    warp_field = WarpField(PlaneMap(np.eye(3)), (rows, columns))
    warp_field.coefficients = generator.normal(size=warp_field.coefficients.shape)
    places = generator.uniform(-20, (columns + 20, rows + 20), (count, 2))
    across, down = warp_field.knots
    # One interval lies before the photo, and three more under the first spline alone.
    x, y = (
        BSpline.design_matrix(at, np.arange(knots + 4.0) - 4, 3, extrapolate=True).toarray()
        for at, knots in zip((places / warp_field.step).T, (across, down), strict=True)
    )
    grid = warp_field.coefficients.reshape(down, across, 2)
    expected = np.einsum("ni,nj,ijk->nk", y, x, grid)
    np.testing.assert_allclose(warp_field.displacement(places), expected, atol=1e-9)
