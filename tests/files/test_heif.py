"""Laws of HEIC, which phones write: read with an extra, named without it."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Size
from mel_debug.core.types import Pixels
from mel_debug.files.discovery import find_photos
from mel_debug.files.photos import mask_path, read_photo
from profiles import display_p3, in_p3
from workbench import oriented, save, skin, stored

needs_heif = pytest.mark.skipif(
    find_spec("pillow_heif") is None, reason="the extra heif is not installed"
)

HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def save_heic(picture: Pixels | Image.Image, path: Path, **options: object) -> Path:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, format="HEIF", quality=95, chroma=444, **options)
    return path


@needs_heif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_of_a_phone_is_turned_once(tmp_path: Path, orientation: int) -> None:
    """The orientation is stored both in the container and in EXIF."""
    shown = np.repeat(np.repeat(skin(6, 4, seed=3), 16, axis=0), 16, axis=1)
    image = Image.fromarray(stored(shown, orientation))
    path = save_heic(image, tmp_path / "phone.heic", exif=oriented(orientation).tobytes())
    photo = read_photo(path)
    assert photo.size == Size(96, 64)
    assert np.abs(photo.pixels.astype(int) - shown).mean() < 4


@needs_heif
def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    """Messengers name HEIC files `.jpg`; the mask is found by the photo's name all the same."""
    picture = skin(64, 48)
    path = save_heic(picture, tmp_path / "phone.jpg")
    save(np.zeros((48, 64), dtype=np.uint8), mask_path(path))
    photo = read_photo(path)
    assert np.abs(photo.pixels.astype(int) - picture).mean() < 4
    assert photo.mask is not None


@needs_heif
def test_the_colours_of_a_phone_are_converted(tmp_path: Path) -> None:
    """Phones write Display P3."""
    picture = np.full((48, 64, 3), (220, 60, 50), dtype=np.uint8)
    image = in_p3(picture)
    image.info["icc_profile"] = display_p3()
    path = save_heic(image, tmp_path / "phone.heic", icc_profile=display_p3())
    assert np.abs(read_photo(path).pixels.astype(int) - picture).mean() < 3


@needs_heif
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_heic_cut_short_is_an_error(tmp_path: Path, share: float) -> None:
    """Nothing of it can be shown."""
    path = save_heic(skin(64, 48), tmp_path / "phone.heic")
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(MelError, match=r"phone\.heic"):
        _ = read_photo(path).pixels


def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder it is a photo like others, so that it is not passed over in silence."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "phone.HEIC"
    path.write_bytes(HEAD + bytes(100))
    (found,) = find_photos([tmp_path])
    with pytest.raises(MelError, match=r"phone\.HEIC .*pip install 'mel-debug\[heif\]'"):
        read_photo(found)
