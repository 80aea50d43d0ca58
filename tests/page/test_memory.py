"""Laws of the photos that the page shares: painted, without pixels of their own."""

import numpy as np
import pytest

from mel_debug.core.geometry import Size
from mel_debug.core.photo import Photo
from mel_debug.page.memory import PaintedPhoto, limit_heaps, return_freed_memory
from workbench import skin

COLOUR = (10, 20, 30)


@pytest.mark.parametrize("masked", [True, False])
def test_a_shared_photo_is_painted_like_one_with_pixels_of_its_own(masked: bool) -> None:
    pixels = skin(90, 60)
    mask = np.zeros((60, 90), dtype=bool)
    mask[10:50, 20:70] = True
    given = mask if masked else None
    source = Photo.of(pixels.copy(), given)
    shared = PaintedPhoto(source, lambda: COLOUR, None)
    painted = Photo.of(pixels.copy(), given).painted(COLOUR)
    assert (shared.pixels == painted.pixels).all()
    assert (source.pixels == pixels).all(), "the photo that is shown stays as it is"
    for rows, columns in ((slice(0, 60), slice(0, 90)), (slice(5, 30), slice(15, 40))):
        part, other = (photo.region(rows, columns) for photo in (shared, painted))
        assert (part.pixels == other.pixels).all()
        assert (part.mask is None) == (other.mask is None)
    size = Size(45, 30)
    assert (shared.scaled(size) == painted.scaled(size)).all()
    crops = [photo.crop(-5, 20, Size(40, 50), COLOUR) for photo in (shared, painted)]
    assert (crops[0].pixels == crops[1].pixels).all()


def test_freed_memory_can_be_returned_anywhere() -> None:
    limit_heaps()
    return_freed_memory()
