"""Laws of the pictures of a match."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.builtin.renderers.captions import (
    LINE,
    caption,
    draw_scale_bar,
    round_length,
    wrapped,
)
from mel_debug.builtin.renderers.drawing import (
    AMBER,
    ARM,
    BLUE,
    GREEN,
    HOLE,
    draw_absent,
    draw_cross,
    draw_dashed_cross,
    draw_ring,
    draw_whole_cross,
)
from mel_debug.builtin.renderers.heatmap import LEAST_LIKELIHOOD, heat_of, heated, normalised
from mel_debug.builtin.renderers.pair import CROP_SIDE, GAP, MOST_LINES, crop, upright
from mel_debug.confidence.reasons import SENTENCES
from mel_debug.core.geometry import Cell, PatchGrid, Point, Size
from mel_debug.core.types import Colour, FeatureMap, Match, Photo, Pixels, Query, View
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


def test_a_whole_cross_is_green_and_on_the_match() -> None:
    """Two bars of 31 x 3 pixels that meet on the pixel that contains the best place."""
    picture = np.zeros((100, 100, 3), dtype=np.uint8)
    draw_whole_cross(picture, Point(40.7, 60.2), GREEN)
    expected = np.zeros((100, 100), dtype=bool)
    expected[45:76, 39:42] = True
    expected[59:62, 25:56] = True
    assert np.array_equal(green(picture), expected)
    assert (picture[~expected] == 0).all()


@pytest.mark.parametrize("draw", [draw_cross, draw_dashed_cross])
def test_a_cross_leaves_the_mole_visible(draw: Callable[[Pixels, Point, Colour], None]) -> None:
    """A gap in the middle of its four arms, the same in all four directions."""
    picture = np.zeros((61, 61, 3), dtype=np.uint8)
    draw(picture, Point(30.7, 30.2), GREEN)
    where = green(picture)
    rows, columns = np.nonzero(where)
    far = np.maximum(np.abs(rows - 30), np.abs(columns - 30))
    assert (far.min(), far.max()) == (HOLE, ARM)
    for turn in range(1, 4):
        assert np.array_equal(np.rot90(where, turn), where)


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_cross_is_clipped_at_the_border(width: int, height: int, x: float, y: float) -> None:
    """It never wraps round or fails."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    centre = Point(min(x * width, width - 0.01), min(y * height, height - 0.01))
    draw_cross(picture, centre, GREEN)
    column, row = int(centre.x), int(centre.y)
    drawn_rows, drawn_columns = np.nonzero(green(picture))
    assert np.abs(drawn_rows - row).max(initial=0) <= ARM
    assert np.abs(drawn_columns - column).max(initial=0) <= ARM
    assert np.minimum(np.abs(drawn_rows - row), np.abs(drawn_columns - column)).max(initial=0) <= 1


def test_a_dashed_cross_lies_within_the_cross() -> None:
    whole, dashed = (np.zeros((41, 41, 3), dtype=np.uint8) for _ in "ab")
    draw_cross(whole, Point(20.2, 20.9), GREEN)
    draw_dashed_cross(dashed, Point(20.2, 20.9), GREEN)
    assert 0 < green(dashed).sum() < green(whole).sum()
    assert not (green(dashed) & ~green(whole)).any()


def test_a_mole_that_is_probably_not_there_is_a_circle_with_a_bar() -> None:
    picture = np.zeros((61, 61, 3), dtype=np.uint8)
    draw_absent(picture, Point(30.5, 30.5), 20)
    for row, column in ((30, 10), (30, 50), (10, 30), (50, 30), (30, 30), (36, 24)):
        around = picture[row - 1 : row + 2, column - 1 : column + 2]
        assert (around == BLUE).all(axis=-1).any(), (row, column)
    assert (picture[24:27, 24:27] == 0).all()


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
    assert not green(picture)[row, column]
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


def test_heat_is_the_matchers_own_likelihood_where_it_has_one() -> None:
    """On a logarithmic scale; cells that are hardly likely, or not valid, have none."""
    likelihood = np.array([[0.5, 0.05, LEAST_LIKELIHOOD / 4], [0, 1, 0.5]], dtype=np.float32)
    valid = ALL.copy()
    valid[1, 1] = False
    heat = heat_of(replace(match_of(valid=valid), likelihood=likelihood))
    assert heat[0, 0] == heat[1, 2] == 1
    assert heat[0, 1] == pytest.approx(1 - 1 / 4)
    assert np.abs(heat[[0, 1, 1], [2, 0, 1]]).max() < 1e-6


@pytest.mark.parametrize("source_size", [(64, 48), (32, 16), (480, 320)])
def test_a_pair_gives_most_of_its_area_to_two_crops(source_size: tuple[int, int]) -> None:
    """Side by side, with their middles free; what lies outside a photo is black."""
    width, height = source_size
    target, source = skin(480, 320, 1), skin(width, height, 2)
    picture = render("pair", target, match_of(photo=Size(480, 320)), source)
    left, right = (
        picture[LINE : LINE + CROP_SIDE, start:][:, :CROP_SIDE] for start in (0, CROP_SIDE + GAP)
    )
    middle = slice(CROP_SIDE // 2 - 40, CROP_SIDE // 2 + 40)
    photo = Photo.of(source)
    assert np.array_equal(
        left[middle, middle], crop(photo, Point(24.5, 16.5), upright(photo))[middle, middle]
    )
    assert green(left).any()
    assert green(right).any()
    assert 0.6 * picture.shape[0] * picture.shape[1] < 2 * CROP_SIDE**2


@given(st.floats(0, 96), st.floats(0, 64), st.floats(0.5, 2), st.floats(0, 6.3))
def test_a_crop_shows_its_centre_in_the_middle_whatever_its_turn_and_size(
    x: float, y: float, size: float, turn: float
) -> None:
    """To half a grey level, on a photo whose colour is the place."""
    rows, columns = np.mgrid[:64, :96].astype(np.uint8)
    photo = Photo.of(np.stack([columns * 2, rows * 3, np.zeros_like(rows)], axis=-1))
    step = (
        upright(photo)
        * size
        @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    )
    x, y = min(max(x, 4.0), 92.0), min(max(y, 4.0), 60.0)
    picture = crop(photo, Point(x, y), step).astype(float)
    middle = CROP_SIDE // 2
    shown = picture[middle - 1 : middle + 1, middle - 1 : middle + 1].mean(axis=(0, 1))
    assert shown[0] == pytest.approx((x - 0.5) * 2, abs=1.1)
    assert shown[1] == pytest.approx((y - 0.5) * 3, abs=1.1)


def test_with_a_jacobian_both_crops_show_the_same_area() -> None:
    """The target is the source turned by a right angle: the crops are alike, up to blur."""
    source = skin(96, 96, 3)
    target = np.ascontiguousarray(np.rot90(source, -1))  # (x, y) of the source is at (96 - y, x)
    grid = PatchGrid(Size(96, 96), PATCH, 6, 6)
    scores = np.zeros((6, 6), dtype=np.float32)
    match = Match("m", grid, scores, np.ones((6, 6), dtype=bool), Point(96 - 16.5, 24.5), 0.0)
    jacobian = ((0.0, -1.0), (1.0, 0.0))
    size = slice(LINE + 200, LINE + 300)
    for known, is_alike in ((replace(match, jacobian=jacobian), True), (match, False)):
        picture = render("pair", target, known, source).astype(float)
        left, right = picture[size, 200:300], picture[size, CROP_SIDE + GAP :][:, 200:300]
        assert bool(np.abs(left - right).mean() < 1) is is_alike


@given(st.floats(0.5, 1e6))
def test_the_number_of_a_scale_bar_is_round_and_fits(most: float) -> None:
    length = round_length(most)
    assert str(length).rstrip("0") in ("1", "2", "5")
    assert length <= max(most, 1)
    assert most < 2.5 * max(length, 1) + 1e-9 or most < 1


def test_a_scale_bar_is_as_long_as_its_number_says() -> None:
    """200 px wide at zoom 2: at most 30 photo pixels, so 20 photo pixels, 40 of the picture."""
    picture = np.full((200, 200, 3), 100, dtype=np.uint8)
    draw_scale_bar(picture, 2.0)
    row = picture[200 - 22]
    white = np.nonzero((row == 255).all(axis=-1))[0]
    assert white.max() - white.min() + 1 == 40
    small = np.full((20, 20, 3), 100, dtype=np.uint8)
    draw_scale_bar(small, 2.0)
    assert (small == 100).all()


@given(st.lists(st.text("abcdef-", min_size=1, max_size=12), min_size=1, max_size=30))
def test_a_caption_is_broken_between_words_and_cut_off_in_its_last_line(words: list[str]) -> None:
    """Nothing is lost before."""
    lines = wrapped(" ".join(words), 400, 3)
    assert len(lines) <= 3
    shown = " ".join(lines)
    if shown.endswith("..."):
        assert " ".join(words).startswith(shown.removesuffix("..."))
    else:
        assert shown == " ".join(words)
    assert caption(shown, 400, lines=3).shape == (3 * LINE, 400, 3)


def test_every_answer_fits_below_its_crop() -> None:
    """With the longest reason."""
    for reason in SENTENCES.values():
        answer = f"Not sure (100 %): {reason}"
        assert " ".join(wrapped(answer, CROP_SIDE, MOST_LINES)) == answer


@pytest.mark.parametrize("text", ["", "photo.jpg", "x" * 500, "\x1b[31m\n", "\u76ae\u819a \u00b1"])
def test_any_name_can_be_a_caption(text: str) -> None:
    """Of exactly one line, whatever characters it has and however long it is."""
    assert caption(text, 200).shape == (LINE, 200, 3)
