"""Laws of the first geometry: plane maps, robust fits, distinct matches, keypoints and support."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric import correspondences
from mel_debug.builtin.matchers.geometric.correspondences import distinct_matches
from mel_debug.builtin.matchers.geometric.first_fit import (
    affine_fit,
    homography_fit,
    is_plausible,
    similarity_fit,
)
from mel_debug.builtin.matchers.geometric.keypoints import keypoint_matches
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.support import Support
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import PatchGrid
from mel_debug.core.types import FeatureMap, Photo

SEEDS = st.integers(0, 2**32 - 1)


def plane_map(seed: int, perspective: float = 0.3) -> PlaneMap:
    """Return a random homography of a square of 200 cells that no point of it maps to infinity."""
    generator = np.random.default_rng(seed)
    angle, scale = generator.uniform(-np.pi, np.pi), np.exp(generator.uniform(-1, 1))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.eye(3)
    matrix[:2, :2] = scale * turn @ (np.eye(2) + generator.uniform(-0.2, 0.2, (2, 2)))
    matrix[:2, 2] = generator.uniform(-50, 50, 2)
    matrix[2, :2] = generator.uniform(-perspective, perspective, 2) / 200
    return PlaneMap(matrix)


def matches(seed: int, found: PlaneMap, right: int, wrong: int) -> tuple[np.ndarray, np.ndarray]:
    """Return matches of which the first `right` follow a map to half a cell, the others none."""
    generator = np.random.default_rng(seed)
    source = generator.uniform(0, 200, (right + wrong, 2))
    target = generator.uniform(0, 200, (right + wrong, 2))
    target[:right] = found(source[:right]) + generator.normal(0, 0.3, (right, 2))
    return source, target


@given(SEEDS)
def test_a_plane_map_and_its_inverse_lead_back(seed: int) -> None:
    """For every point that it shows."""
    found = plane_map(seed)
    places = np.random.default_rng(seed).uniform(0, 200, (20, 2))
    np.testing.assert_allclose(found.inverse()(found(places)), places, atol=1e-6)


@given(SEEDS)
def test_the_jacobian_is_the_slope_of_the_map(seed: int) -> None:
    """Compared with differences over a thousandth of a cell."""
    found = plane_map(seed)
    places = np.random.default_rng(seed).uniform(0, 200, (20, 2))
    steps = 1e-3 * np.eye(2)
    slopes = np.stack(
        [(found(places + step) - found(places - step)) / 2e-3 for step in steps], axis=2
    )
    np.testing.assert_allclose(found.jacobians(places), slopes, rtol=1e-4, atol=1e-5)


def test_a_point_beyond_the_horizon_is_out_of_view() -> None:
    """It does not appear mirrored on the other side."""
    found = PlaneMap(np.array([[1.0, 0, 0], [0, 1, 0], [-0.01, 0, 1]]))
    places = np.array([[50.0, 10.0], [150.0, 10.0]])
    assert found.in_view(places).tolist() == [True, False]
    assert found(places)[1, 0] > 1e4


@given(SEEDS)
@settings(max_examples=20)
def test_an_affine_map_of_a_minority_is_found_among_outliers(seed: int) -> None:
    """200 matches of one map are found among 600 random ones."""
    truth = PlaneMap.from_affine(np.array([[0.9, 0.3], [-0.3, 1.0], [5.0, -3.0]]))
    source, target = matches(seed, truth, 200, 600)
    found = affine_fit(source, target)
    assert found is not None
    assert found[1][:200].mean() > 0.95
    np.testing.assert_allclose(found[0].matrix[:2, :2], truth.matrix[:2, :2], atol=0.03)


@given(SEEDS)
@example(789671)
@settings(max_examples=20)
def test_a_homography_of_a_minority_is_found_among_outliers(seed: int) -> None:
    """It predicts true matches to a cell; an affine map could not."""
    truth = plane_map(seed)
    source, target = matches(seed, truth, 200, 300)
    assume(is_plausible(truth, source[:200]))
    found = homography_fit(source, target)
    assert found is not None
    scale = np.sqrt(np.abs(np.linalg.det(truth.jacobians(source[:200]))))
    off = np.linalg.norm(found[0](source[:200]) - truth(source[:200]), axis=1)
    assert np.quantile(off / np.maximum(1, scale), 0.95) < 1


@given(SEEDS, st.floats(-180, 180), st.floats(0.2, 5))
@settings(max_examples=20)
def test_a_similarity_is_found_among_twenty_times_as_many_outliers(
    seed: int, degrees: float, scale: float
) -> None:
    """15 matches of one similarity are found among 300 random ones."""
    angle = np.deg2rad(degrees)
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    truth = PlaneMap.from_affine(np.vstack([turn, [10.0, 20.0]]))
    source, target = matches(seed, truth, 15, 300)
    found = similarity_fit(source, target)
    assert found is not None
    off = np.linalg.norm(found[0](source[:15]) - truth(source[:15]), axis=1)
    assert np.median(off) < 2.5 * max(1, scale)


@pytest.mark.parametrize(
    "linear",
    [np.diag([1.0, -1.0]), np.diag([20.0, 20.0]), np.diag([0.05, 0.05]), np.diag([3.0, 0.3])],
    ids=["mirrored", "too large", "too small", "too aslant"],
)
def test_implausible_maps_are_refused(linear: np.ndarray) -> None:
    """A photo is never mirrored, and hardly seen from the side."""
    found = PlaneMap.from_affine(np.vstack([linear, [0.0, 0.0]]))
    assert not is_plausible(found, np.array([[10.0, 10.0]]))
    assert is_plausible(PlaneMap(np.eye(3)), np.array([[10.0, 10.0]]))


@given(SEEDS, st.integers(1, 25), st.integers(1, 25), st.integers(1, 30))
@settings(max_examples=20)
def test_distinct_matches_are_those_with_the_largest_margin(
    seed: int, rows: int, columns: int, count: int
) -> None:
    """Compared with a plain loop; cells beside the best one are no rivals, masked ones no match.

    The cells take several blocks.
    """
    generator = np.random.default_rng(seed)
    a = unit(generator.normal(size=(count, 6)).astype(np.float32))
    b = unit(generator.normal(size=(rows, columns, 6)).astype(np.float32))
    valid = generator.random((rows, columns)) < 0.8
    valid[0, 0] = True
    cells = np.argwhere(valid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correspondences, "SOME_ROWS", 7)
        patch.setattr(correspondences, "SOME_COLUMNS", 50)
        chosen, choice = distinct_matches(a, b[valid], cells, 10)
    there = cells[choice]
    down, across = np.mgrid[:rows, :columns]
    margins = []
    for one in a:
        similarity = np.where(valid, b @ one, -2)
        row, column = np.unravel_index(similarity.argmax(), similarity.shape)
        far = (abs(down - row) > 3) | (abs(across - column) > 3)
        rival = similarity[far].max() if far.any() else -2
        margins.append(similarity.max() - rival)
    expected = np.sort(margins)[::-1][:10]
    np.testing.assert_allclose(np.array(margins)[chosen], expected, atol=1e-5)
    best = [np.where(valid, b @ one, -2).argmax() for one in a[chosen]]
    assert best == (there @ [columns, 1]).tolist()


@pytest.mark.slow
def test_keypoints_match_a_turned_and_scaled_photo() -> None:
    """Their places agree with the known map to a pixel; masked parts have none."""
    generator = np.random.default_rng(3)
    noise = generator.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    picture = cv2.resize(noise, (640, 480), interpolation=cv2.INTER_CUBIC)
    turned = cv2.resize(np.rot90(picture), (360, 480), interpolation=cv2.INTER_AREA)
    mask = np.ones((480, 640), dtype=bool)
    mask[:, :200] = False

    def features(photo: Photo) -> FeatureMap:
        grid = PatchGrid.fit(photo.size, photo.size.longest, 8)
        return FeatureMap(
            photo, grid, np.zeros((grid.rows, grid.columns, 2), np.float32), photo.valid_cells(grid)
        )

    source, target = features(Photo.of(picture, mask)), features(Photo.of(np.array(turned)))
    here, there = keypoint_matches(source, target)
    here, there = here * source.grid.cell_size, there * target.grid.cell_size
    assert len(here) > 50
    assert here[:, 0].min() >= 199
    expected = np.stack([here[:, 1], 640 - here[:, 0]], axis=1) * 0.75
    assert np.median(np.linalg.norm(there - expected, axis=1)) < 1


@given(SEEDS, st.floats(0.05, 0.95))
@settings(max_examples=20)
def test_support_is_the_share_of_right_matches(seed: int, share: float) -> None:
    """Estimated to 0.1 from the residuals of dense matches, whatever the radius of the search."""
    generator = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(np.arange(60), np.arange(60)), axis=-1).reshape(-1, 2) + 0.5
    reach = generator.uniform(3, 12, len(places))
    right = generator.random(len(places)) < share
    near = np.hypot(*generator.normal(0, 0.7, (2, len(places))))
    residuals = np.where(right, near, reach * np.sqrt(generator.random(len(places))))
    support = Support.of(places, residuals, reach, 2 * 0.7**2).at(places)
    assert abs(float(np.mean(support)) - share) < 0.1


@pytest.mark.slow
@given(SEEDS)
@settings(max_examples=10)
def test_a_warp_field_is_unknown_where_matches_are_at_the_level_of_chance(seed: int) -> None:
    """Right matches on the left, random ones within the search radius on the right."""
    generator = np.random.default_rng(seed)
    places = generator.uniform((0, 0), (160, 160), (8000, 2))
    reach = np.full(len(places), 3.0)
    shifts = generator.normal(0, 0.5, places.shape)
    chance = places[:, 0] > 80
    angle, radius = generator.uniform(0, 2 * np.pi, 8000), 3 * np.sqrt(generator.random(8000))
    shifts[chance] = (radius * np.stack([np.cos(angle), np.sin(angle)])).T[chance]
    warp_field = WarpField(PlaneMap(np.eye(3)), (160, 160))
    joined, _ = warp_field.grow(places, shifts, np.hypot(*shifts.T) < 3, reach=reach)
    assert joined[places[:, 0] < 70].mean() > 0.9
    assert joined[places[:, 0] > 90].mean() < 0.2
    # Where a few random matches happen to agree, the field may seem known at single places.
    across, down = np.meshgrid(np.arange(10.0, 61.0, 10.0), np.arange(20.0, 141.0, 20.0))
    left = np.column_stack([across.ravel(), down.ravel()])
    right = left + np.array([90.0, 0.0])
    known, unknown = (np.median(warp_field.std(each)) for each in (left, right))
    assert unknown > 5 * known
