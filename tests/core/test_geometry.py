"""Laws of sizes, points and grids."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mel_debug.core.geometry import Cell, PatchGrid, Point, PointIndex, Size
from strategies import cells, fits, grids, marks, points, sides, sizes

ROUNDING = 1e-9
"""Floats may miss a border by this share of the photo."""


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40))
def test_the_centre_of_a_pixel_lies_in_that_pixel(x: int, y: int) -> None:
    """A mark that is read and written again names the same pixel, to the last one of any photo."""
    assert Point.centre_of_pixel(x, y).pixel == (x, y)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_a_point_is_at_most_half_a_pixel_from_the_centre_of_its_pixel(x: float, y: float) -> None:
    """Along either axis, also left of and above the photo."""
    centre = Point.centre_of_pixel(*Point(x, y).pixel)
    assert abs(centre.x - x) <= 0.5 + 1e-6
    assert abs(centre.y - y) <= 0.5 + 1e-6


@given(sizes, fits)
@example(Size(4000, 3000), (16, 896))
@example(Size(12_000, 1), (14, 14))
def test_sides_divide_by_the_patch_and_never_exceed_the_fit(
    size: Size, fit: tuple[int, int]
) -> None:
    """Whatever the photo, the grid has whole patches and is no larger than `image_size`."""
    patch, image_size = fit
    scaled = PatchGrid.fit(size, image_size, patch).scaled
    assert scaled.width % patch == 0
    assert scaled.height % patch == 0
    assert scaled.longest <= image_size


@given(sizes, fits)
@example(Size(4673, 3115), (16, 896))
def test_the_longest_side_uses_every_cell(size: Size, fit: tuple[int, int]) -> None:
    """No width loses a column to rounding."""
    patch, image_size = fit
    grid = PatchGrid.fit(size, image_size, patch)
    longest = grid.columns if size.width == size.longest else grid.rows
    assert longest == image_size // patch


@given(sizes, fits)
def test_the_other_side_loses_less_than_a_cell(size: Size, fit: tuple[int, int]) -> None:
    """The aspect ratio is preserved as well as whole cells allow."""
    patch, image_size = fit
    scaled = PatchGrid.fit(size, image_size, patch).scaled
    for got, native in ((scaled.width, size.width), (scaled.height, size.height)):
        exact = native * image_size / size.longest
        assert got == patch or exact - patch < got <= exact + ROUNDING * image_size


@given(sides, fits)
def test_a_square_photo_gets_a_square_grid(side: int, fit: tuple[int, int]) -> None:
    """Rounding treats both axes alike."""
    patch, image_size = fit
    grid = PatchGrid.fit(Size(side, side), image_size, patch)
    assert grid.rows == grid.columns


@given(sizes, fits)
def test_turning_the_photo_turns_the_grid(size: Size, fit: tuple[int, int]) -> None:
    """A photo on its side has the same cells, on their side."""
    patch, image_size = fit
    upright = PatchGrid.fit(size, image_size, patch)
    turned = PatchGrid.fit(Size(size.height, size.width), image_size, patch)
    assert (turned.rows, turned.columns) == (upright.columns, upright.rows)


@given(st.data(), grids())
def test_going_there_and_back_moves_at_most_half_a_cell(
    data: st.DataObject, grid: PatchGrid
) -> None:
    """A point and the centre of its cell are within half a cell along each axis."""
    point = data.draw(points(grid.photo))
    back = grid.centre_of(grid.cell_of(point))
    width, height = grid.cell_size
    assert abs(back.x - point.x) <= width / 2 + ROUNDING * grid.photo.width
    assert abs(back.y - point.y) <= height / 2 + ROUNDING * grid.photo.height


@given(st.data(), grids())
def test_a_cells_centre_lies_in_the_cell(data: st.DataObject, grid: PatchGrid) -> None:
    """From a cell to its centre and back is the same cell."""
    cell = data.draw(cells(grid))
    assert grid.cell_of(grid.centre_of(cell)) == cell


@given(st.data(), grids())
def test_a_mole_never_leaves_the_grid(data: st.DataObject, grid: PatchGrid) -> None:
    """Every pixel that can be marked, the last one included, belongs to a cell of the grid."""
    x, y = data.draw(marks(grid.photo))
    cell = grid.cell_of(Point(x + 0.5, y + 0.5))
    assert 0 <= cell.row < grid.rows
    assert 0 <= cell.column < grid.columns


@given(grids(), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_point_beyond_the_edge_gets_a_cell_of_the_border(
    grid: PatchGrid, x: float, y: float
) -> None:
    """A place outside the photo counts as the nearest place in it."""
    inside = Point(min(max(x, 0), grid.photo.width), min(max(y, 0), grid.photo.height))
    assert grid.cell_of(Point(x, y)) == grid.cell_of(inside)
    assert grid.cell_of(Point(-1, -1)) == Cell(0, 0)
    assert grid.cell_of(Point(grid.photo.width, grid.photo.height)) == Cell(
        grid.rows - 1, grid.columns - 1
    )


@given(st.data(), grids())
def test_a_step_right_never_leads_to_a_cell_on_the_left(
    data: st.DataObject, grid: PatchGrid
) -> None:
    """Cells are in the order of the points they contain."""
    one, two = data.draw(points(grid.photo)), data.draw(points(grid.photo))
    first = grid.cell_of(Point(min(one.x, two.x), min(one.y, two.y)))
    second = grid.cell_of(Point(max(one.x, two.x), max(one.y, two.y)))
    assert first.column <= second.column
    assert first.row <= second.row


@given(st.data(), grids())
def test_grid_positions_and_points_are_inverse(data: st.DataObject, grid: PatchGrid) -> None:
    """From a point to its unrounded place on the grid and back is the same point."""
    point = data.draw(points(grid.photo))
    back = grid.point_at(*grid.position_of(point))
    assert back.x == pytest.approx(point.x, abs=ROUNDING * grid.photo.width)
    assert back.y == pytest.approx(point.y, abs=ROUNDING * grid.photo.height)


@given(st.data(), grids())
def test_the_centre_of_a_cell_is_at_a_whole_grid_position(
    data: st.DataObject, grid: PatchGrid
) -> None:
    """Cell (r, c) has its centre at grid position (r, c)."""
    cell = data.draw(cells(grid))
    position = grid.position_of(grid.centre_of(cell))
    assert position == pytest.approx((cell.row, cell.column), abs=1e-6)


@given(st.data(), grids())
def test_a_cells_centre_is_the_middle_of_its_patch_in_scaled_pixels(
    data: st.DataObject, grid: PatchGrid
) -> None:
    """Both axes are scaled by their own true factor, so that no rounding adds up."""
    cell = data.draw(cells(grid))
    scaled = grid.to_scaled(grid.centre_of(cell))
    assert scaled.x == pytest.approx((cell.column + 0.5) * grid.patch, rel=1e-9)
    assert scaled.y == pytest.approx((cell.row + 0.5) * grid.patch, rel=1e-9)


@given(st.data(), grids())
def test_scaling_a_point_is_multiplying_by_the_scale(data: st.DataObject, grid: PatchGrid) -> None:
    """`scale` is the scale that `to_scaled` uses."""
    point = data.draw(points(grid.photo))
    scaled = grid.to_scaled(point)
    assert (scaled.x, scaled.y) == pytest.approx((point.x * grid.scale[0], point.y * grid.scale[1]))


@given(sizes, st.sampled_from((8, 14, 16)), st.integers(-100, 2000))
def test_an_image_size_that_does_not_divide_is_refused(
    size: Size, patch: int, image_size: int
) -> None:
    """No grid is silently smaller than `image_size`."""
    assume(image_size < patch or image_size % patch)
    with pytest.raises(ValueError, match="is not a multiple of a patch"):
        PatchGrid.fit(size, image_size, patch)


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (-3, 4)])
def test_a_size_without_pixels_cannot_be_built(width: int, height: int) -> None:
    """A photo has at least one pixel."""
    with pytest.raises(ValueError, match="at least 1 x 1"):
        Size(width, height)


@pytest.mark.parametrize(("patch", "rows", "columns"), [(0, 1, 1), (8, 0, 1), (8, 1, 0)])
def test_a_grid_without_cells_cannot_be_built(patch: int, rows: int, columns: int) -> None:
    """A grid has at least one cell of at least one pixel."""
    with pytest.raises(ValueError, match="at least one patch"):
        PatchGrid(Size(10, 10), patch, rows, columns)


@given(st.data(), sizes)
def test_distance_is_the_same_both_ways(data: st.DataObject, size: Size) -> None:
    """How far apart two points are does not depend on where one starts."""
    one, two = data.draw(points(size)), data.draw(points(size))
    assert one.distance_to(two) == two.distance_to(one)
    assert Point(3, 0).distance_to(Point(0, 4)) == 5


places = st.builds(Point, st.floats(-50, 50), st.floats(-50, 50))


@given(st.lists(places, max_size=30), places, st.sampled_from([0.5, 3.0, 20.0]))
def test_no_point_within_the_distance_is_overlooked(
    points: list[Point], place: Point, distance: float
) -> None:
    """Those named are in order, and none is further than the diagonal of two squares."""
    named = PointIndex(points, distance).near(place)
    within = {n for n, point in enumerate(points) if point.distance_to(place) <= distance}
    assert within <= set(named)
    assert named == sorted(named)
    assert all(points[n].distance_to(place) <= 3 * distance for n in named)


def test_no_point_is_near_without_a_distance() -> None:
    assert PointIndex([Point(1, 1)], 0).near(Point(1, 1)) == []
