"""Laws of ImageBuffer: results don't depend on whether it stores an image or an array."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mel_debug.core.geometry import Size
from mel_debug.core.images import ROWS_AT_ONCE, ImageBuffer
from mel_debug.core.photo import Photo
from strategies import masks, pixels
from workbench import skin

sides = st.integers(1, 12)
colours = st.tuples(*[st.integers(0, 255)] * 3)


@given(st.data(), sides, st.sampled_from([1, 5, ROWS_AT_ONCE, ROWS_AT_ONCE + 1]))
def test_what_went_to_pillow_comes_back(data: st.DataObject, width: int, height: int) -> None:
    """Pixel for pixel, and the same array each time."""
    picture = data.draw(pixels(height, width))
    buffer = ImageBuffer(Image.fromarray(picture))
    assert buffer.size == Size(width, height)
    assert np.array_equal(buffer.pixels, picture)
    assert buffer.pixels is buffer.pixels


@given(st.data(), sides, sides, sides, sides)
def test_both_are_scaled_alike(
    data: st.DataObject, width: int, height: int, new_width: int, new_height: int
) -> None:
    """Also after an image has become an array."""
    picture, size = data.draw(pixels(height, width)), Size(new_width, new_height)
    image, array = ImageBuffer(Image.fromarray(picture)), ImageBuffer(picture)
    scaled = image.resized(size)
    assert np.array_equal(scaled, array.resized(size))
    assert image.pixels.shape == picture.shape
    assert np.array_equal(scaled, image.resized(size))


@given(st.data(), sides, sides, colours, st.booleans())
def test_both_are_painted_alike(
    data: st.DataObject, width: int, height: int, colour: tuple[int, int, int], in_place: bool
) -> None:
    """What is masked out gets the colour, the rest stays, and so does an array that was given."""
    picture, mask = data.draw(pixels(height, width)), data.draw(masks(height, width))
    before = picture.copy()
    expected = np.where(mask[..., np.newaxis], picture, np.array(colour, dtype=np.uint8))
    image, array = ImageBuffer(Image.fromarray(picture)), ImageBuffer(picture)
    assert np.array_equal(image.painted(mask, colour, in_place=in_place).pixels, expected)
    assert np.array_equal(array.painted(mask, colour, in_place=in_place).pixels, expected)
    assert np.array_equal(array.pixels, before)
    assert in_place or np.array_equal(image.pixels, before)


def test_grey_pixels_are_refused() -> None:
    """They could be mistaken for a photo of another size."""
    with pytest.raises(ValueError, match="RGB"):
        ImageBuffer(skin(4, 3)[..., 0])


@pytest.mark.parametrize("corner", [(30, 20), (-10, -5), (1990, 1495)])
def test_a_crop_copies_only_what_it_shows(corner: tuple[int, int]) -> None:
    """Inside a photo and over its edge; the whole photo, of 9 MB, is not made an array."""
    picture = np.random.default_rng(1).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    image = Image.fromarray(picture)
    photo = Photo("photo", Size(2000, 1500), lambda: image)
    photo.prefetch()
    photo.scaled(Size(200, 150))
    tracemalloc.start()
    pixels = photo.crop(*corner, Size(40, 30), (1, 2, 3)).pixels
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    expected = np.full((30, 40, 3), (1, 2, 3), dtype=np.uint8)
    for y, x in np.ndindex(30, 40):
        if 0 <= corner[0] + x < 2000 and 0 <= corner[1] + y < 1500:
            expected[y, x] = picture[corner[1] + y, corner[0] + x]
    np.testing.assert_array_equal(pixels, expected)
