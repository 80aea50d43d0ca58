"""Laws of scaling pixels and masks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mel_debug.core.geometry import Size
from mel_debug.core.scaling import resized, resized_in_strips, valid_cells
from strategies import masks, pixels

small = st.integers(1, 6)
factors = st.integers(1, 8)


@given(st.data(), small, small, factors, factors)
def test_shrinking_by_a_whole_factor_is_the_mean_of_each_block(
    data: st.DataObject, rows: int, columns: int, tall: int, wide: int
) -> None:
    """Every pixel of the photo counts once and equally, within the rounding of either axis."""
    picture = data.draw(pixels(rows * tall, columns * wide))
    shrunk = resized(picture, Size(columns, rows))
    means = picture.reshape(rows, tall, columns, wide, 3).mean(axis=(1, 3))
    assert shrunk.shape == (rows, columns, 3)
    assert np.abs(shrunk - means).max() <= 1


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 60),
    st.tuples(*[st.integers(0, 255)] * 3),
)
def test_a_uniform_photo_stays_uniform(
    width: int, height: int, new_width: int, new_height: int, colour: tuple[int, int, int]
) -> None:
    """Scaling up, down, or in both ways never leaves the range of colours."""
    picture = np.full((height, width, 3), colour, dtype=np.uint8)
    scaled = resized(picture, Size(new_width, new_height))
    assert scaled.shape == (new_height, new_width, 3)
    assert (scaled == picture[0, 0]).all()


@given(st.data(), st.integers(1, 24), st.integers(1, 24), st.integers(1, 24), st.integers(1, 24))
def test_scaling_never_leaves_the_range_of_the_photo(
    data: st.DataObject, width: int, height: int, new_width: int, new_height: int
) -> None:
    """No filter overshoots: the darkest and brightest values bound the result."""
    picture = data.draw(pixels(height, width))
    scaled = resized(picture, Size(new_width, new_height))
    assert scaled.dtype == np.uint8
    assert picture.min() <= scaled.min() <= scaled.max() <= picture.max()


@given(st.data(), *[st.integers(1, 60)] * 3, st.integers(1, 45))
def test_strips_are_scaled_like_the_whole(
    data: st.DataObject, width: int, height: int, new_width: int, half: int
) -> None:
    """Wherever they end. With an odd number of rows none lies between two rows of the result."""
    picture = data.draw(pixels(height, width))
    size, new = Size(width, height), Size(new_width, 2 * half - 1)
    strips = resized_in_strips(lambda rows: picture[rows], size, new)
    whole = resized(picture, new)
    assert strips.shape == whole.shape
    assert np.abs(strips.astype(int) - whole).max() <= 1


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_scaling_to_the_same_size_changes_nothing(picture: np.ndarray) -> None:
    """A photo that fits already reaches the extractor as it is."""
    assert np.array_equal(resized(picture, Size(picture.shape[1], picture.shape[0])), picture)


@given(st.data(), small, small, factors, factors)
def test_a_cell_is_valid_if_half_of_it_is_in_the_mask(
    data: st.DataObject, rows: int, columns: int, tall: int, wide: int
) -> None:
    """Clearly more than half is valid and clearly less is not."""
    mask = data.draw(masks(rows * tall, columns * wide))
    valid = valid_cells(mask, rows, columns)
    share = mask.reshape(rows, tall, columns, wide).mean(axis=(1, 3))
    assert valid.shape == (rows, columns)
    assert valid[share > 0.51].all()
    assert not valid[share < 0.49].any()


@pytest.mark.parametrize("axis", [0, 1])
def test_a_cell_that_is_exactly_half_in_the_mask_is_valid(axis: int) -> None:
    """The border case counts as inside, whichever half it is."""
    mask = np.zeros((16, 16), dtype=bool)
    mask[:8] = True
    assert valid_cells(mask if axis == 0 else mask.T, 1, 1).all()


@given(
    st.integers(1, 30), st.integers(1, 30), st.integers(1, 40), st.integers(1, 40), st.booleans()
)
def test_a_mask_all_of_one_kind_keeps_all_or_nothing(
    width: int, height: int, rows: int, columns: int, value: bool
) -> None:
    """Also where the grid is finer than the mask."""
    mask = np.full((height, width), value)
    assert (valid_cells(mask, rows, columns) == value).all()
