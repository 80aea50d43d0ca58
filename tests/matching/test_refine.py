"""Laws of looking again from closer."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mel_debug.builtin.matchers.similarity import SimilarityMatcher, euclidean
from mel_debug.core.geometry import Point, Size
from mel_debug.core.types import Photo, Pixels, Vectors
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.locate import locate
from mel_debug.matching.refine import MOST_PASSES, Refined

PATCH = 8


class Colours:
    """Describes a patch by its mean colour and the mean of each of its quarters."""

    patch = PATCH
    mean_colour = (128, 128, 128)

    def extract(self, images: Pixels) -> Vectors:
        count, height, width = images.shape[:3]
        shape = (count, height // PATCH, 2, PATCH // 2, width // PATCH, 2, PATCH // 2, 3)
        quarters = images.reshape(shape).mean(axis=(3, 6), dtype=np.float32)
        quarters = quarters.transpose(0, 1, 3, 2, 4, 5)
        return np.asarray(quarters.reshape(count, height // PATCH, width // PATCH, -1))


def chart(size: Size) -> Pixels:
    """A picture in which each colour stands at one place only: red grows with x, green with y."""
    across = np.linspace(0, 255, size.width).round().astype(np.uint8)
    down = np.linspace(0, 255, size.height).round().astype(np.uint8)
    pixels = np.zeros((size.height, size.width, 3), dtype=np.uint8)
    pixels[..., 0] = across
    pixels[..., 1] = down[:, np.newaxis]
    return pixels


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(x=st.floats(0, 479.9), y=st.floats(0, 359.9), shift=st.integers(0, 40))
def test_a_closer_look_is_more_exact_also_at_the_border(x: float, y: float, shift: int) -> None:
    """Wherever the mole is, refinement ends within a patch of photo pixels of it."""
    whole = chart(Size(520, 400))
    source = Photo.of(np.ascontiguousarray(whole[:360, :480]), name="source")
    target = Photo.of(np.ascontiguousarray(whole[shift : shift + 360, shift : shift + 480]))
    truth = Point(x - shift, y - shift)
    assume(truth.x >= 0)
    assume(truth.y >= 0)
    plain = SimilarityMatcher(euclidean, at_peak=True, interpolate=True)
    marked_views = {"m": [(source, Point(x, y))]}
    features = PhotoFeatures(Colours(), 120)
    match = locate(marked_views, target, features, Refined(plain, 96)).matches[0]
    assert 1 <= len(match.moves_px) <= MOST_PASSES
    assert match.best.distance_to(truth) < PATCH


def test_a_window_has_the_pixels_at_its_corner() -> None:
    """Also if it extends beyond all edges of the photo."""
    photo = Photo.of(chart(Size(40, 30)))
    window = photo.crop(-5, -7, Size(60, 50), (1, 2, 3))
    assert (window.pixels[7:37, 5:45] == photo.pixels).all()
    assert (window.pixels[:7] == (1, 2, 3)).all()
    assert window.mask is not None
    assert window.mask.sum() == 40 * 30
    assert window.mask[7:37, 5:45].all()


@pytest.mark.parametrize("corner", [(-100, 0), (100, 100)])
def test_a_window_beside_the_photo_is_all_masked(corner: tuple[int, int]) -> None:
    """Pixels beyond the photo are masked out."""
    window = Photo.of(chart(Size(40, 30))).crop(*corner, Size(20, 20), (9, 9, 9))
    assert (window.pixels == 9).all()
    assert window.mask is not None
    assert not window.mask.any()
