"""Laws of going from a photo to its feature map."""

import weakref
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mel_debug.core.errors import MelError, PluginError
from mel_debug.core.geometry import PatchGrid, Size
from mel_debug.core.types import Photo, Pixels, Vectors
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.tiles import Windows
from strategies import pixels, seeds, sizes
from tolerance import ROUNDING, relative_error
from workbench import PatchColours, skin


@pytest.mark.slow
@given(st.data(), seeds, st.integers(9, 60), st.integers(9, 60))
def test_what_is_masked_cannot_matter(
    data: st.DataObject, seed: int, width: int, height: int
) -> None:
    """Whatever the pixels outside the mask are, the feature map is the same."""
    rng = np.random.default_rng(seed)
    mask = np.repeat(rng.random((height, 1)) < 0.8, width, axis=1) & (
        rng.random((height, width)) < 0.8
    )
    mask[: height // 2, : width // 2] = True
    one = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    two = np.where(mask[..., np.newaxis], one, data.draw(pixels(1, 1))).astype(np.uint8)
    describe = PhotoFeatures(PatchColours(), 32).of
    seen, other = describe(Photo.of(one, mask)), describe(Photo.of(two, mask))
    assert relative_error(seen.vectors, other.vectors) <= ROUNDING
    assert np.array_equal(seen.valid, other.valid)


@given(seeds)
def test_a_mask_that_keeps_everything_changes_nothing(seed: int) -> None:
    """Like a photo without a mask file."""
    picture = skin(70, 50, seed)
    describe = PhotoFeatures(PatchColours(), 64).of
    bare = describe(Photo.of(picture))
    masked = describe(Photo.of(picture, np.ones((50, 70), dtype=bool)))
    assert relative_error(masked.vectors, bare.vectors) <= ROUNDING
    assert bare.valid.all()
    assert masked.valid.all()


@pytest.mark.slow
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("keeps", [False, True])
def test_pixels_that_no_stage_reads_are_freed(keeps: bool, masked: bool) -> None:
    """Reading them later decodes the same photo again."""
    size = Size(2400, 300)
    picture, mask = skin(size.width, size.height), np.ones((size.height, size.width), dtype=bool)
    mask[:, 1000:1900] = False
    decoded: list[weakref.ref[Image.Image]] = []

    def load() -> Image.Image:
        image = Image.fromarray(picture)
        decoded.append(weakref.ref(image))
        return image

    def opened() -> Photo:
        return Photo("a photo", size, load, lambda: mask if masked else None)

    valid = PhotoFeatures(PatchColours(), 320).of(opened())
    photo = opened()
    features = PhotoFeatures(PatchColours(), 320, keeps_pixels=keeps).of(photo)
    assert (decoded[-1]() is None) == (not keeps)
    assert relative_error(features.vectors, valid.vectors) <= ROUNDING
    assert np.array_equal(features.valid, valid.valid)
    assert np.array_equal(features.photo.preview.pixels, valid.photo.preview.pixels)
    assert len(decoded) == 2, "previews need no pixels"
    assert np.array_equal(features.photo.pixels, valid.photo.pixels)
    assert np.array_equal(photo.pixels, picture)


@dataclass(frozen=True)
class Zeros:
    """An extractor that gives zeros, whatever the photo, and notes nothing."""

    patch: int = 16
    mean_colour: tuple[int, int, int] = (0, 0, 0)

    def extract(self, images: Pixels) -> Vectors:
        count, height, width = images.shape[:3]
        return np.zeros((count, height // self.patch, width // self.patch, 2), dtype=np.float32)


@given(sizes.filter(lambda size: size.width * size.height < 1e6), st.integers(1, 20))
def test_the_feature_map_lies_on_the_grid_of_the_photo(size: Size, cells: int) -> None:
    """The extractor sees the photo scaled to the very grid that answers are read from."""
    photo = Photo.of(np.zeros((size.height, size.width, 3), dtype=np.uint8))
    features = PhotoFeatures(Zeros(), 16 * cells).of(photo)
    assert features.grid == PatchGrid.fit(size, 16 * cells, 16)
    assert features.vectors.shape == (features.grid.rows, features.grid.columns, 2)


def test_a_mask_that_keeps_nothing_is_one_clear_error() -> None:
    """The message names the photo."""
    photo = Photo.of(skin(40, 30), np.zeros((30, 40), dtype=bool), name="dark.jpg")
    with pytest.raises(MelError, match=r"dark\.jpg: its mask hides the whole photo"):
        PhotoFeatures(PatchColours(), 32).of(photo)


@dataclass(frozen=True)
class Broken:
    """An extractor that breaks its promise: `vectors` for any photo."""

    vectors: Vectors
    patch: int = 8
    mean_colour: tuple[int, int, int] = (0, 0, 0)

    def extract(self, images: Pixels) -> Vectors:
        return self.vectors


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((1, 4, 3, 2), dtype=np.float32),
        np.zeros((1, 12, 2), dtype=np.float32),
        np.full((1, 3, 4, 2), np.nan, dtype=np.float32),
        np.full((1, 3, 4, 2), np.inf, dtype=np.float32),
    ],
)
def test_a_wrong_result_of_an_extractor_is_an_error(vectors: Vectors) -> None:
    """Neither vectors of another grid nor values that are no numbers go any further."""
    with pytest.raises(PluginError, match="extractor"):
        PhotoFeatures(Broken(vectors), 32).of(Photo.of(skin(32, 24)))


@pytest.mark.parametrize("windows", [None, Windows(64, 0.25)])
def test_a_scaled_photo_beyond_memory_is_refused_before_it_is_decoded(
    windows: Windows | None,
) -> None:
    """The message has the memory that it would take."""

    def load() -> Pixels:
        raise AssertionError("decoded")

    photo = Photo("large.jpg", Size(6000, 4000), load)
    features = PhotoFeatures(PatchColours(), 100_000, windows)
    with pytest.raises(MelError, match=r"large\.jpg: scaled to .* at least \d+\.\d GB of memory"):
        features.of(photo)
