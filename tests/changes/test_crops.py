"""Laws of aligned crops and of their light."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.changes.crops import Frame, aligned_crop
from mel_debug.changes.sizes import spot_diameter
from mel_debug.core.geometry import Point
from mel_debug.core.photo import Photo
from painted import Disc, painted

FRAME = Frame(96, 1.0)


def photo_of(*discs: Disc, seed: int = 0) -> Photo:
    return Photo.of(painted(240, 200, list(discs), seed=seed))


def test_a_crop_of_the_same_pixels_is_exact() -> None:
    """Where one pixel of the crop is one of the photo, nothing is interpolated."""
    photo = photo_of(Disc(120, 100, 24))
    crop = aligned_crop(photo, Point(120, 100), FRAME)
    assert (crop.pixels == photo.pixels[52:148, 72:168]).all()
    assert crop.valid.all()


@given(quarter=st.integers(1, 3))
def test_a_turned_photo_gives_the_same_crop(quarter: int) -> None:
    """The local map turns the crop back."""
    photo = photo_of(Disc(130, 90, 24), Disc(150, 100, 9))
    turned = Photo.of(np.ascontiguousarray(np.rot90(photo.pixels, quarter)))
    x, y, width, height = 130.0, 90.0, 240, 200
    place, local = {
        1: (Point(y, width - x), ((0.0, 1.0), (-1.0, 0.0))),
        2: (Point(width - x, height - y), ((-1.0, 0.0), (0.0, -1.0))),
        3: (Point(height - y, x), ((0.0, -1.0), (1.0, 0.0))),
    }[quarter]
    before = aligned_crop(photo, Point(x, y), FRAME)
    after = aligned_crop(turned, place, FRAME, local)
    apart = np.abs(before.pixels.astype(int) - after.pixels)
    assert apart.max() <= 2


def test_what_lies_outside_the_photo_and_its_mask_is_not_valid() -> None:
    """Repeated border pixels are never taken for skin."""
    mask = np.ones((200, 240), dtype=bool)
    mask[:, :40] = False
    photo = Photo.of(painted(240, 200, []), mask)
    crop = aligned_crop(photo, Point(60, 10), FRAME)
    assert not crop.valid[:38].any()
    assert not crop.valid[:, :28].any()
    assert crop.valid[38:, 28:].all()


def test_a_mirrored_map_is_refused() -> None:
    """A mirrored crop would show another mole than the one asked for."""
    with pytest.raises(ValueError, match="orientation"):
        aligned_crop(photo_of(), Point(100, 100), FRAME, ((-1.0, 0.0), (0.0, 1.0)))


@pytest.mark.slow
@given(gains=st.tuples(*[st.floats(0.6, 1.1)] * 3))
def test_light_is_matched_to_the_skin_around(gains: tuple[float, float, float]) -> None:
    """Another exposure and white balance is taken back; the mole keeps its contrast."""
    pixels = painted(240, 200, [Disc(120, 100, 24)])
    linear = (pixels / 255.0) ** 2.2 * gains
    other = Photo.of(np.rint(np.clip(linear, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))
    before = aligned_crop(Photo.of(pixels), Point(120, 100), FRAME)
    after = aligned_crop(other, Point(120, 100), FRAME).in_light_of(before, 12)
    apart = np.abs(before.pixels.astype(int) - after.pixels)
    assert apart.mean() < 2


@pytest.mark.slow
@given(diameter=st.floats(8, 45))
def test_the_size_of_a_spot_is_found(diameter: float) -> None:
    """Within one step of the sizes that are tried."""
    found = spot_diameter(photo_of(Disc(120, 100, diameter)), Point(121, 99))
    assert found == pytest.approx(diameter, rel=0.35)


def test_shade_and_darker_dots_do_not_set_the_size_of_a_spot() -> None:
    """A mole near the shaded edge of a body has its own size, and a mole with a dot in it too."""
    mole, dot = Disc(120, 100, 18, 0.4), Disc(120, 100, 3.5, 0.15)
    found = spot_diameter(photo_of(mole, dot), Point(120, 100))
    assert found == pytest.approx(18, rel=0.35)
    shaded = photo_of(mole).pixels * np.linspace(0.15, 1.0, 240)[np.newaxis, :, np.newaxis]
    found = spot_diameter(Photo.of(shaded.astype(np.uint8)), Point(120, 100))
    assert found == pytest.approx(18, rel=0.35)
