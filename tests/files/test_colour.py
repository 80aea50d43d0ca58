"""Laws of colours: embedded profiles are applied, and never harm a photo."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from extras import needs_xfeat
from mel_debug.core.errors import MelWarning
from mel_debug.core.types import Pixels
from mel_debug.files.photos import read_photo
from profiles import display_p3, in_p3, srgb
from workbench import extractor, save, skin


def colourful() -> Pixels:
    """Skin with a patch of strong colours, where Display P3 and sRGB differ most."""
    picture = skin(64, 48)
    picture[:16, :16] = (230, 40, 40)
    picture[16:32, :16] = (40, 200, 60)
    return picture


def difference(one: Pixels, other: Pixels) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp"])
def test_the_same_photo_in_p3_and_srgb_has_the_same_pixels(tmp_path: Path, suffix: str) -> None:
    """Phones write Display P3; read as sRGB, its colours are too pale."""
    picture = colourful()
    path = tmp_path / f"phone{suffix}"
    options: dict[str, dict[str, Any]] = {
        ".jpg": {"quality": 100, "subsampling": 0},
        ".webp": {"lossless": True},
    }
    in_p3(picture).save(path, icc_profile=display_p3(), **options.get(suffix, {}))
    assert difference(np.asarray(in_p3(picture)), picture) > 20
    assert difference(read_photo(path).pixels, picture) <= (6 if suffix == ".jpg" else 3)


@needs_xfeat
def test_the_same_photo_in_p3_and_srgb_has_nearly_the_same_vectors(tmp_path: Path) -> None:
    """So a mole marked in one is found in the other."""
    picture = skin(128, 128, seed=5)
    path = tmp_path / "phone.png"
    in_p3(picture).save(path, icc_profile=display_p3())
    xfeat = extractor("xfeat")
    plain, converted = (
        xfeat.extract(pixels[np.newaxis])[0] for pixels in (picture, read_photo(path).pixels)
    )
    cosines = (plain * converted).sum(-1) / (
        np.linalg.norm(plain, axis=-1) * np.linalg.norm(converted, axis=-1)
    )
    assert np.median(cosines) > 0.99


def test_an_srgb_profile_changes_no_pixel(tmp_path: Path) -> None:
    """Most photos have one; it costs nothing."""
    picture = colourful()
    path = save(picture, tmp_path / "photo.png", icc_profile=srgb())
    assert np.array_equal(read_photo(path).pixels, picture)


def test_a_grey_photo_may_carry_the_profile_of_its_colours(tmp_path: Path) -> None:
    """Many programs keep it when they make a photo grey; grey stays grey."""
    picture = colourful()[..., 0]
    path = save(picture, tmp_path / "grey.png", icc_profile=display_p3())
    pixels = read_photo(path).pixels
    assert difference(pixels, np.repeat(picture[..., np.newaxis], 3, axis=2)) <= 2


@pytest.mark.parametrize("profile", [b"no profile", display_p3()[:200]])
def test_a_broken_profile_is_ignored_with_a_warning(tmp_path: Path, profile: bytes) -> None:
    """The pixels are complete; a warning says that their colours may be wrong."""
    picture = colourful()
    path = save(picture, tmp_path / "odd.png", icc_profile=profile)
    with pytest.warns(MelWarning, match=r"odd\.png: its colour profile .* ignored"):
        pixels = read_photo(path).pixels
    assert np.array_equal(pixels, picture)


def test_a_profile_for_other_pixels_is_ignored_with_a_warning(tmp_path: Path) -> None:
    """A profile of Lab colours does not define red, green and blue."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture = colourful()
    path = save(picture, tmp_path / "odd.png", icc_profile=lab)
    with pytest.warns(MelWarning, match=r"odd\.png: its colour profile"):
        assert np.array_equal(read_photo(path).pixels, picture)


def test_lab_photos_are_shown_in_their_colours(tmp_path: Path) -> None:
    """TIFFs for print hold them; Pillow alone can't show them."""
    picture = colourful()
    lab = ImageCms.profileToProfile(
        Image.fromarray(picture),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    lab.save(tmp_path / "print.tiff")
    assert difference(read_photo(tmp_path / "print.tiff").pixels, picture) <= 12


def test_no_warning_is_issued_for_a_sound_photo(tmp_path: Path) -> None:
    """An intact photo causes no warning."""
    path = save(colourful(), tmp_path / "photo.jpg", icc_profile=display_p3())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _ = read_photo(path).pixels
