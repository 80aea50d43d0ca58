"""Laws of peaks between cells."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.geometry import Cell, PatchGrid, Size
from mel_debug.core.peaks import best_cell, distinct_peaks, peak_at, peak_point, rival_score

ROWS, COLUMNS = 21, 27


def surface(row: float, column: float, spread: tuple[float, float], turn: float) -> np.ndarray:
    """A Gaussian hill with its top at (row, column), `spread` in cells along its own axes."""
    down, across = np.mgrid[:ROWS, :COLUMNS]
    first = np.cos(turn) * (down - row) + np.sin(turn) * (across - column)
    second = -np.sin(turn) * (down - row) + np.cos(turn) * (across - column)
    hill = np.exp(-((first / spread[0]) ** 2 + (second / spread[1]) ** 2) / 2)
    return np.asarray(hill, dtype=np.float32)


@given(
    row=st.floats(3, ROWS - 4),
    column=st.floats(3, COLUMNS - 4),
    spread=st.floats(1.5, 3).flatmap(lambda s: st.tuples(st.just(s), st.floats(s, 1.7 * s))),
    turn=st.floats(0, np.pi),
    gain=st.floats(0.1, 10),
)
def test_a_smooth_peak_is_placed_within_a_tenth_of_a_cell(
    row: float, column: float, spread: tuple[float, float], turn: float, gain: float
) -> None:
    """The known top of a turned, stretched hill is found to a tenth of a cell on either axis."""
    scores = surface(row, column, spread, turn) * np.float32(gain)
    everywhere = np.ones(scores.shape, dtype=bool)
    found = peak_at(scores, everywhere, best_cell(scores, everywhere))
    assert abs(found[0] - row) < 0.1
    assert abs(found[1] - column) < 0.1


@given(
    scores=st.lists(st.floats(-1, 1, width=32), min_size=30, max_size=30),
    valid=st.lists(st.booleans(), min_size=30, max_size=30).filter(any),
)
def test_a_peak_never_leaves_the_neighbourhood(scores: list[float], valid: list[bool]) -> None:
    """For any scores and mask, the peak is within one cell of the best valid cell."""
    grid = np.array(scores, np.float32).reshape(5, 6)
    mask = np.array(valid).reshape(5, 6)
    cell = best_cell(grid, mask)
    assert mask[cell.row, cell.column]
    assert grid[cell.row, cell.column] == grid[mask].max()
    row, column = peak_at(grid, mask, cell)
    assert abs(row - cell.row) <= 1
    assert abs(column - cell.column) <= 1


def test_a_far_second_peak_does_not_pull() -> None:
    """Two equal hills: the place is on one of them and not between (no global centroid)."""
    scores = surface(5, 5, (1.5, 1.5), 0) + surface(15, 20, (1.5, 1.5), 0)
    everywhere = np.ones(scores.shape, dtype=bool)
    place = peak_at(scores, everywhere, best_cell(scores, everywhere))
    assert min(np.hypot(place[0] - 5, place[1] - 5), np.hypot(place[0] - 15, place[1] - 20)) < 0.1


def test_a_masked_neighbour_leaves_its_axis_at_the_centre() -> None:
    """What the mask hides does not move the place, however high it scores."""
    scores = surface(10.3, 10.3, (2, 2), 0)
    valid = np.ones(scores.shape, dtype=bool)
    valid[:, 11:] = False
    row, column = peak_at(scores, valid, Cell(10, 10))
    assert column == 10
    assert abs(row - 10.3) < 0.1


@given(seed=st.integers(0, 2**20), radius=st.floats(0, 300), most=st.integers(1, 8))
def test_distinct_places_are_apart_and_fall_in_score(seed: int, radius: float, most: int) -> None:
    """The first is the best of all; none repeats, whatever the radius."""
    rng = np.random.default_rng(seed)
    scores = rng.random((9, 12)).astype(np.float32)
    valid = rng.random(scores.shape) < 0.8
    valid[4, 4] = True
    grid = PatchGrid.fit(Size(480, 360), 96, 8)
    found = distinct_peaks(scores, valid, grid, radius, most)
    assert 1 <= len(found) <= most
    assert found[0][0] == peak_point(scores, valid, grid)
    values = [score for _, score in found]
    assert values == sorted(values, reverse=True)
    for (one, _), (other, _) in combinations(found, 2):
        assert one.distance_to(other) > radius


def test_the_flank_of_a_peak_is_no_place_of_its_own() -> None:
    """However high it is: two hills give two peaks."""
    scores = surface(5, 5, (3, 3), 0) + np.float32(0.3) * surface(15, 20, (1.5, 1.5), 0)
    grid = PatchGrid.fit(Size(COLUMNS * 10, ROWS * 10), COLUMNS * 8, 8)
    everywhere = np.ones(scores.shape, dtype=bool)
    found = distinct_peaks(scores, everywhere, grid, 20, 5)
    assert len(found) == 2
    for (place, _), centre in zip(found, (Cell(5, 5), Cell(15, 20)), strict=True):
        assert place.distance_to(grid.centre_of(centre)) < 5


def test_what_the_mask_hides_is_no_peak() -> None:
    """However high it scores."""
    scores = surface(5, 5, (1.5, 1.5), 0)
    grid = PatchGrid.fit(Size(COLUMNS * 10, ROWS * 10), COLUMNS * 8, 8)
    valid = np.ones(scores.shape, dtype=bool)
    valid[3:8, 3:8] = False
    for place, _ in distinct_peaks(scores, valid, grid, 5, 8):
        cell = grid.cell_of(place)
        assert valid[cell.row, cell.column]


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), most=st.integers(1, 5))
def test_where_all_scores_are_equal_any_place_will_do(rows: int, columns: int, most: int) -> None:
    """Also on a grid of a single cell."""
    grid = PatchGrid(Size(columns * 10, rows * 10), 8, rows, columns)
    flat = np.ones((rows, columns), np.float32)
    found = distinct_peaks(flat, flat > 0, grid, 5, most)
    assert len(found) == min(most, rows * columns)


def test_a_runner_up_is_another_place() -> None:
    """The flank of the best peak does not count, a lower one elsewhere does."""
    scores = np.zeros((9, 12), np.float32)
    scores[4, 4], scores[4, 5], scores[1, 10] = 1.0, 0.9, 0.5
    grid = PatchGrid.fit(Size(480, 360), 96, 8)
    valid = np.ones(scores.shape, dtype=bool)
    best = grid.centre_of(Cell(4, 4))
    assert rival_score(scores, valid, grid, best, 100) == 0.5
    assert rival_score(scores, valid, grid, best, 10) == np.float32(0.9)
    assert rival_score(scores, valid, grid, best, 1000) is None
