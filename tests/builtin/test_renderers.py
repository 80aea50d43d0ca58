"""Laws of the pictures of a match."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.builtin.renderers.drawing import (
    AMBER,
    ARM,
    GREEN,
    draw_cross,
    draw_dashed_cross,
    draw_ring,
)
from mel_debug.builtin.renderers.heatmap import heated, normalised
from mel_debug.builtin.renderers.pair import INSET_SIDE
from mel_debug.core.geometry import Cell, PatchGrid, Point, Size
from mel_debug.core.types import FeatureMap, Match, Photo, Pixels, Query, View
from strategies import seeds
from workbench import renderer, skin

PATCH = 16
SCORES = np.array([[0.2, 0.4, 0.6], [1.0, 0.2, 0.7]], dtype=np.float32)
ALL = np.ones((2, 3), dtype=bool)
BEST = Cell(1, 0)
SCALED = Size(48, 32)
GREY = np.full((32, 48, 3), 100, dtype=np.uint8)


def match_of(
    scores: NDArray[np.float32] = SCORES,
    valid: NDArray[np.bool_] = ALL,
    best: Cell = BEST,
    photo: Size = SCALED,
) -> Match:
    """A match over a grid of 2 x 3 patches."""
    grid = PatchGrid(photo, PATCH, *scores.shape)
    return Match(
        "m", grid, scores, valid, grid.centre_of(best), float(scores[best.row, best.column])
    )


def render(name: str, pixels: Pixels, match: Match, source: Pixels = GREY) -> Pixels:
    """The picture of a renderer, built as the command line builds it."""
    target = FeatureMap(Photo.of(pixels), match.grid, match.scores[..., np.newaxis], match.valid)
    size = Size(source.shape[1], source.shape[0])
    grid = PatchGrid(size, PATCH, size.height // PATCH, size.width // PATCH)
    cells = (grid.rows, grid.columns)
    seen = FeatureMap(
        Photo.of(source), grid, np.zeros((*cells, 1), dtype=np.float32), np.ones(cells, dtype=bool)
    )
    query = Query("m", (View(seen, Point(24.5, 16.5)),))
    picture = renderer(name).render(query, target, match)
    assert picture.dtype == np.uint8
    return picture


def green(picture: Pixels) -> NDArray[np.bool_]:
    """Where a picture is pure green."""
    where: NDArray[np.bool_] = (picture == GREEN).all(axis=-1)
    return where


def test_a_heatmap_is_70_percent_photo_and_30_percent_red() -> None:
    """On grey 100: the least alike cell is 70, 70, 70 and the most alike 146 or 147, 70, 70."""
    picture = heated(GREY, match_of())
    for (row, column), red in np.ndenumerate([[70.0, 89.125, 108.25], [146.5, 70.0, 117.8125]]):
        cell = picture[row * PATCH :, column * PATCH :][:PATCH, :PATCH].astype(float)
        assert (cell[..., 1:] == 70).all()
        assert np.abs(cell[..., 0] - red).max() <= 0.51


def test_the_brightest_photo_does_not_overflow() -> None:
    """White and most alike is full red, not black."""
    white = np.full((32, 48, 3), 255, dtype=np.uint8)
    assert heated(white, match_of())[PATCH, 0].tolist() == [255, 178, 178]


@given(seeds)
def test_green_and_blue_show_the_photo_alone(seed: int) -> None:
    """Scores change only the red channel."""
    photo = skin(48, 32, seed)
    picture = heated(photo, match_of())
    assert np.abs(picture[..., 1:] - photo[..., 1:] * 0.7).max() <= 0.51
    assert (picture[..., 0] >= np.floor(photo[..., 0] * 0.7)).all()


@given(seeds, st.floats(-100, 100), st.floats(0.01, 100))
def test_heat_does_not_depend_on_the_scale_of_scores(
    seed: int, shift: float, stretch: float
) -> None:
    """An affine change of all scores leaves the picture unchanged."""
    scores = np.random.default_rng(seed).random((2, 3)).astype(np.float32)
    other = (scores * stretch + shift).astype(np.float32)
    spread = float(np.ptp(scores) * stretch)
    tolerance = 1e-5 * max(1.0, abs(shift) / spread)
    assert np.allclose(normalised(other, ALL), normalised(scores, ALL), atol=tolerance)


@given(seeds, st.integers(1, 63))
def test_heat_ranges_from_0_to_1_over_the_valid_cells(seed: int, which: int) -> None:
    """Masked cells have no heat and don't affect the scale."""
    scores = np.random.default_rng(seed).standard_normal((2, 3)).astype(np.float32)
    valid = np.array([which >> bit & 1 for bit in range(6)], dtype=bool).reshape(2, 3)
    heat = normalised(scores, valid)
    assert (heat[~valid] == 0).all()
    assert heat[valid].min() == 0
    assert heat[valid].max() == (1 if valid.sum() > 1 else 0)
    outside = np.where(valid, scores, 1e6).astype(np.float32)
    assert np.array_equal(normalised(outside, valid), heat)


def test_a_masked_cell_gets_no_red() -> None:
    """This holds even if it has the highest score."""
    valid = ALL.copy()
    valid[1, 0] = False
    picture = heated(GREY, match_of(valid=valid, best=Cell(1, 2)))
    assert (picture[PATCH:, :PATCH] == 70).all()
    assert picture[PATCH, 2 * PATCH].tolist() in ([146, 70, 70], [147, 70, 70])


def test_equal_scores_have_no_heat() -> None:
    """There is no division by a range of 0."""
    assert (heated(GREY, match_of(scores=np.ones_like(SCORES))) == 70).all()


def test_the_cross_is_green_and_on_the_match() -> None:
    """Two bars of 31 x 3 pixels that meet on the pixel that contains the best place."""
    picture = np.zeros((100, 100, 3), dtype=np.uint8)
    draw_cross(picture, Point(40.7, 60.2), GREEN)
    expected = np.zeros((100, 100), dtype=bool)
    expected[45:76, 39:42] = True
    expected[59:62, 25:56] = True
    assert np.array_equal(green(picture), expected)
    assert (picture[~expected] == 0).all()


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_cross_is_clipped_at_the_border(width: int, height: int, x: float, y: float) -> None:
    """It never wraps round or fails, and its middle is always drawn."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    centre = Point(min(x * width, width - 0.01), min(y * height, height - 0.01))
    draw_cross(picture, centre, GREEN)
    column, row = int(centre.x), int(centre.y)
    drawn_rows, drawn_columns = np.nonzero(green(picture))
    assert green(picture)[row, column]
    assert np.abs(drawn_rows - row).max() <= ARM
    assert np.abs(drawn_columns - column).max() <= ARM
    assert np.minimum(np.abs(drawn_rows - row), np.abs(drawn_columns - column)).max() <= 1


def test_a_dashed_cross_is_the_same_in_all_four_directions_and_covers_its_middle() -> None:
    """And lies within the whole cross."""
    whole, dashed = (np.zeros((41, 41, 3), dtype=np.uint8) for _ in "ab")
    draw_cross(whole, Point(20.2, 20.9), GREEN)
    draw_dashed_cross(dashed, Point(20.2, 20.9), GREEN)
    where = green(dashed)
    assert where[20, 20]
    assert 0 < where.sum() < green(whole).sum()
    assert not (where & ~green(whole)).any()
    for turn in range(1, 4):
        assert np.array_equal(np.rot90(where, turn), where)


@given(st.floats(0, 60), st.floats(0, 60), st.floats(0, 500))
def test_a_ring_is_drawn_at_its_radius_and_nowhere_else(x: float, y: float, radius: float) -> None:
    """Within its soft edge of four pixels, wherever its centre is."""
    picture = np.zeros((50, 60, 3), dtype=np.uint8)
    draw_ring(picture, Point(x, y), radius, AMBER)
    rows, columns = np.ogrid[:50, :60]
    off = np.abs(np.hypot(rows + 0.5 - y, columns + 0.5 - x) - max(radius, 2))
    assert (picture[off > 4] == 0).all()
    assert picture[off < 0.4].any(axis=-1).all()


@pytest.mark.parametrize("best", [Cell(row, column) for row in range(2) for column in range(3)])
def test_the_picture_is_the_scaled_target(best: Cell) -> None:
    """In scaled pixels, with the cross on the middle of the best cell."""
    photo = skin(96, 64)
    match = match_of(best=best, photo=Size(96, 64))
    picture = render("heatmap", photo, match)
    assert picture.shape == (32, 48, 3)
    row, column = best.row * PATCH + PATCH // 2, best.column * PATCH + PATCH // 2
    assert green(picture)[row, column]
    drawn_rows, drawn_columns = np.nonzero(green(picture))
    assert np.bincount(drawn_rows).argmax() in range(row - 1, row + 2)
    assert np.bincount(drawn_columns).argmax() in range(column - 1, column + 2)
    untouched = ~green(picture)
    assert (
        picture[untouched] == heated(Photo.of(photo).scaled(Size(48, 32)), match)[untouched]
    ).all()


@pytest.mark.parametrize("name", ["heatmap", "pair"])
def test_drawing_does_not_change_the_photos(name: str) -> None:
    """Also where the photo is the size of the picture already and need not be scaled."""
    target, source = skin(48, 32, 1), skin(48, 32, 2)
    before = target.copy(), source.copy()
    render(name, target, match_of(), source)
    assert np.array_equal(target, before[0])
    assert np.array_equal(source, before[1])


@pytest.mark.parametrize("source_size", [(64, 48), (32, 16), (48, 32)])
def test_a_pair_is_the_source_beside_the_heatmap(source_size: tuple[int, int]) -> None:
    """The mole is marked left and found right, with white between."""
    width, height = source_size
    target, source = skin(48, 32, 1), skin(width, height, 2)
    picture = render("pair", target, match_of(), source)
    start = picture.shape[1] - max(48, INSET_SIDE)
    assert np.array_equal(picture[:32, start : start + 48], render("heatmap", target, match_of()))
    assert (picture[: min(height, 32), width:start] == 255).all()
    left = picture[:height, :width]
    assert green(left).any()
    assert (left[~green(left)] == source[~green(left)]).all()


def test_the_marked_mole_stays_visible() -> None:
    """The crosshair points at the mole and leaves its middle free."""
    source = skin(96, 64, 2)
    left = render("pair", GREY, match_of(), source)[:64, :96]
    rows, columns = np.nonzero(green(left))
    assert np.abs(columns - 24).min() == 0
    assert np.abs(rows - 16).min() == 0
    assert np.array_equal(left[12:21, 20:29], source[12:21, 20:29])
