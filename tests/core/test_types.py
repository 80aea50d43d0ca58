"""Laws of the values that flow between the stages."""

import dataclasses
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.geometry import Cell, PatchGrid, Point, Size
from mel_debug.core.photo import prefetch_in_turn
from mel_debug.core.types import FeatureMap, Match, Photo, Query, View
from strategies import masks, pixels
from workbench import skin

GRID = PatchGrid(Size(50, 40), patch=8, rows=4, columns=5)


def feature_map(dimensions: int = 3) -> FeatureMap:
    """A map over GRID whose vector at (r, c) is r, c, 0, ..."""
    vectors = np.zeros((4, 5, dimensions), dtype=np.float32)
    vectors[..., 0], vectors[..., 1] = np.mgrid[:4, :5]
    return FeatureMap(Photo.of(skin(50, 40)), GRID, vectors, np.ones((4, 5), dtype=bool))


def match_with(scores: np.ndarray, valid: np.ndarray) -> Match:
    """A match over GRID whose best place is its first cell."""
    return Match("a mole", GRID, scores, valid, GRID.centre_of(Cell(0, 0)), float(scores[0, 0]))


def test_a_photo_is_decoded_when_first_looked_at_and_only_once() -> None:
    """Opening many photos costs nothing until their pixels count."""
    decoded = []

    def load() -> np.ndarray:
        decoded.append("once")
        return skin(8, 6)

    photo = Photo("lazy", Size(8, 6), load)
    assert decoded == []
    assert photo.pixels is photo.pixels
    assert photo.scaled(Size(4, 3)).shape == (3, 4, 3)
    assert decoded == ["once"]


def test_photos_are_decoded_in_turn_past_one_that_cannot_be_read() -> None:
    """The second begins when the first has ended, and whoever uses the first gets its error."""
    decoded: list[str] = []

    def load(name: str) -> np.ndarray:
        decoded.append(name)
        if name == "damaged":
            raise OSError(name)
        return skin(8, 6)

    names = ("damaged", "whole")
    photos = [Photo(name, Size(8, 6), partial(load, name)) for name in names]
    prefetch_in_turn(*photos)
    assert photos[1].pixels.shape == (6, 8, 3)
    with pytest.raises(OSError, match="damaged"):
        _ = photos[0].pixels
    assert sorted(decoded) == ["damaged", "whole"]


@pytest.mark.parametrize(
    "not_pixels",
    [
        np.zeros((4, 4), dtype=np.uint8),
        np.zeros((4, 4, 4), dtype=np.uint8),
        np.zeros((4, 4, 3), dtype=np.float32),
    ],
)
def test_a_photo_of_anything_but_rgb_bytes_cannot_be_built(not_pixels: np.ndarray) -> None:
    """Grey, RGBA and float arrays are refused where they come in."""
    with pytest.raises(ValueError, match="uint8 RGB"):
        Photo.of(not_pixels)


def test_pixels_of_another_size_than_in_the_header_are_refused() -> None:
    """Points would otherwise be in pixels of a photo that does not exist."""
    photo = Photo("lying.jpg", Size(9, 6), lambda: skin(8, 6))
    with pytest.raises(ValueError, match=r"lying\.jpg"):
        _ = photo.pixels


def test_a_mask_of_another_size_is_refused() -> None:
    """A mask names pixels of its own photo only."""
    photo = Photo.of(skin(8, 6), np.ones((8, 6), dtype=bool), name="turned")
    with pytest.raises(ValueError, match="turned"):
        _ = photo.mask


@given(st.data(), st.integers(1, 12), st.integers(1, 12), st.tuples(*[st.integers(0, 255)] * 3))
def test_painting_changes_what_is_masked_and_nothing_else(
    data: st.DataObject, width: int, height: int, colour: tuple[int, int, int]
) -> None:
    """Outside the mask is one colour, inside is the photo, and the photo itself is left alone."""
    picture, mask = data.draw(pixels(height, width)), data.draw(masks(height, width))
    before = picture.copy()
    painted = Photo.of(picture, mask).painted(colour)
    assert (painted.pixels[~mask] == np.array(colour)).all()
    assert (painted.pixels[mask] == picture[mask]).all()
    assert painted.mask is not None
    assert np.array_equal(painted.mask, mask)
    assert np.array_equal(picture, before)


def test_a_photo_without_a_mask_keeps_every_cell() -> None:
    """No mask file means that all of the photo counts."""
    assert Photo.of(skin(50, 40)).valid_cells(GRID).all()


def test_scaled_pixels_have_the_requested_size_however_often_it_changes() -> None:
    """Remembering the last size never hands out another."""
    photo = Photo.of(skin(50, 40))
    for size in (Size(40, 32), Size(25, 20), Size(25, 20), Size(40, 32), Size(50, 40)):
        assert photo.scaled(size).shape == (size.height, size.width, 3)


def test_a_point_gets_the_vector_of_its_cell() -> None:
    """Rows follow y and columns follow x."""
    features = feature_map()
    assert features.at(Point(0, 0)).tolist() == [0, 0, 0]
    assert features.at(Point(49.9, 0)).tolist() == [0, 4, 0]
    assert features.at(Point(0, 39.9)).tolist() == [3, 0, 0]


@pytest.mark.parametrize(
    ("point", "mean"),
    [(Point(25, 15), [1, 2, 0]), (Point(0, 0), [0.5, 0.5, 0]), (Point(49, 39), [2.5, 3.5, 0])],
)
def test_a_neighbourhood_is_cut_at_the_border(point: Point, mean: list[float]) -> None:
    """A mole at the edge has fewer neighbours, none from the other side."""
    assert feature_map().around(point, 1).tolist() == mean


def test_a_neighbourhood_leaves_masked_cells_out() -> None:
    """Painted pixels have no information about the mole."""
    valid = np.ones((4, 5), dtype=bool)
    valid[:, 2:] = False
    masked = dataclasses.replace(feature_map(), valid=valid)
    assert masked.around(Point(15, 15), 1).tolist() == [1, 0.5, 0]


@pytest.mark.parametrize(
    ("point", "vector"),
    [
        (Point(20, 20), [1.5, 1.5, 0]),
        (Point(15, 15), [1, 1, 0]),
        (Point(22.5, 15), [1, 1.75, 0]),
        (Point(0, 0), [0, 0, 0]),
        (Point(50, 40), [3, 4, 0]),
        (Point(50, 25), [2, 4, 0]),
    ],
)
def test_between_cells_vectors_are_interpolated(point: Point, vector: list[float]) -> None:
    """Linearly, from centre to centre; beyond the outermost centres they stay the same."""
    assert feature_map().between(point) == pytest.approx(vector)


def test_an_interpolated_vector_leaves_masked_cells_out() -> None:
    """Unless there are no others."""
    valid = np.ones((4, 5), dtype=bool)
    valid[:, 2:] = False
    masked = dataclasses.replace(feature_map(), valid=valid)
    assert masked.between(Point(20, 20)) == pytest.approx([1.5, 1, 0])
    assert masked.between(Point(40, 20)) == pytest.approx(masked.at(Point(40, 20)))


@pytest.mark.parametrize("shape", [(5, 4, 3), (4, 5), (4, 6, 3)])
def test_vectors_that_do_not_fit_the_grid_cannot_be_built(shape: tuple[int, ...]) -> None:
    """A map of another photo's shape is refused."""
    with pytest.raises(ValueError, match="4 x 5 cells"):
        FeatureMap(
            Photo.of(skin(50, 40)),
            GRID,
            np.zeros(shape, dtype=np.float32),
            np.ones((4, 5), dtype=bool),
        )


def test_valid_cells_that_do_not_fit_the_grid_are_an_error() -> None:
    """The mask is over the same cells as the vectors."""
    with pytest.raises(ValueError, match="valid"):
        dataclasses.replace(feature_map(), valid=np.ones((5, 4), dtype=bool))


def test_a_query_without_a_view_cannot_be_built() -> None:
    """There is nothing to search with."""
    with pytest.raises(ValueError, match="no view"):
        Query("a mole", ())


def test_views_of_different_extractors_cannot_be_one_query() -> None:
    """Their vectors can't be compared."""
    views = (View(feature_map(3), Point(1, 1)), View(feature_map(4), Point(1, 1)))
    with pytest.raises(ValueError, match="different extractors"):
        Query("a mole", views)


def test_a_match_that_may_look_nowhere_cannot_be_built() -> None:
    """A target that is all masked has no best place."""
    with pytest.raises(ValueError, match="no cell"):
        match_with(np.zeros((4, 5), dtype=np.float32), np.zeros((4, 5), dtype=bool))


def test_scores_that_do_not_fit_the_grid_cannot_be_built() -> None:
    """A score belongs to a cell."""
    with pytest.raises(ValueError, match="scores"):
        match_with(np.zeros((5, 4), dtype=np.float32), np.ones((4, 5), dtype=bool))


def test_the_range_of_similarity_leaves_masked_cells_out() -> None:
    """What can't win does not set the scale either."""
    scores = np.arange(20, dtype=np.float32).reshape(4, 5)
    valid = (scores >= 3) & (scores <= 11)
    assert match_with(scores, valid).similarity_range == (3, 11)


@pytest.mark.parametrize(
    ("value", "name"),
    [(Point(1, 2), "x"), (Size(1, 2), "width"), (GRID, "rows"), (feature_map(), "vectors")],
)
def test_a_value_cannot_be_changed(value: object, name: str) -> None:
    """What flows is frozen."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, name, 5)


def test_a_mask_hides_the_points_of_its_dark_pixels_and_no_others() -> None:
    """Up to the edges of the pixel; without a mask nothing is hidden."""
    mask = np.ones((4, 5), dtype=bool)
    mask[1, 3] = False
    masked, bare = Photo.of(skin(5, 4), mask), Photo.of(skin(5, 4))
    for x, y in ((3, 1), (3.5, 1.5), (3.99, 1.99)):
        assert masked.masks_out(Point(x, y))
        assert not bare.masks_out(Point(x, y))
    for x, y in ((2.99, 1.5), (4, 1.5), (3.5, 0.99), (3.5, 2)):
        assert not masked.masks_out(Point(x, y))
