"""Laws of masks: an ambiguous mask is an error and never hides the whole photo."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.photos import mask_path, read_photo
from workbench import save, skin

KEPT = np.arange(96).reshape(8, 12) % 3 == 0


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(skin(12, 8), tmp_path / "photo.png")


def grey(value: int, kind: type[Any] = np.uint8) -> NDArray[Any]:
    values: NDArray[Any] = np.where(KEPT, kind(value), kind(0))
    return values


def with_alpha(colour: int, hidden: int, opacity: NDArray[Any]) -> NDArray[np.uint8]:
    """RGBA: `colour` where valid, `hidden` elsewhere."""
    rgb = np.where(KEPT, colour, hidden).astype(np.uint8)
    return np.dstack([rgb, rgb, rgb, opacity.astype(np.uint8)])


SOUND = {
    "white and black": grey(255),
    "white and black of 16 bits": grey(65535, np.uint16),
    "white on a see-through ground": with_alpha(255, 255, grey(255)),
    "white on a see-through ground that is black inside": with_alpha(255, 0, grey(255)),
    "white and black, all opaque": with_alpha(255, 0, np.full(KEPT.shape, 255)),
}

DARK = {
    "0 and 1": grey(1),
    "0 and 1 of 16 bits": grey(1, np.uint16),
    "0 and 255 of 16 bits": grey(255, np.uint16),
    "black on a see-through ground": with_alpha(0, 0, grey(255)),
}


@pytest.mark.parametrize("name", sorted(SOUND))
def test_white_and_opaque_keeps(photo: Path, name: str) -> None:
    """However the mask was painted and saved."""
    save(SOUND[name], mask_path(photo))
    assert np.array_equal(read_photo(photo).mask, KEPT)  # type: ignore[arg-type] # there is one


@pytest.mark.parametrize("name", sorted(DARK))
def test_a_mask_that_is_dark_but_not_black_is_refused(photo: Path, name: str) -> None:
    """It was meant to keep something; which values do can't be known."""
    save(DARK[name], mask_path(photo))
    with pytest.raises(MelError, match=r"photo\.png\.mask\.png would hide the whole photo"):
        _ = read_photo(photo).mask


def test_a_mask_with_a_palette_is_read_by_its_colours(photo: Path) -> None:
    """Colour 1 of a palette may be white."""
    image = Image.fromarray(KEPT.astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(mask_path(photo))
    assert np.array_equal(read_photo(photo).mask, KEPT)  # type: ignore[arg-type] # there is one


@pytest.mark.parametrize("opacity", [0, 255])
def test_a_black_mask_hides_everything(photo: Path, opacity: int) -> None:
    """All black is unambiguous."""
    save(with_alpha(0, 0, np.full(KEPT.shape, opacity)), mask_path(photo))
    mask = read_photo(photo).mask
    assert mask is not None
    assert not mask.any()


def test_floating_point_masks_are_refused(photo: Path) -> None:
    """They do not define white."""
    tifffile.imwrite(mask_path(photo), KEPT.astype(np.float32))
    with pytest.raises(MelError, match=r"mask\.png: floating-point"):
        _ = read_photo(photo).mask


def test_a_link_to_a_missing_mask_is_an_error(photo: Path) -> None:
    """Its photo had a mask, so not all of it counts."""
    mask_path(photo).symlink_to(photo.with_name("gone.png"))
    opened = read_photo(photo)
    with pytest.raises(MelError, match=r"mask\.png is a link to a missing file.*use_masks=False"):
        _ = opened.mask
    assert opened.key is not None
    with pytest.raises(MelError, match=r"missing file"):
        opened.key()
    assert read_photo(photo, use_mask=False).mask is None


def test_a_pipe_in_place_of_a_mask_is_refused_at_once(photo: Path) -> None:
    """Nobody may ever write to it."""
    os.mkfifo(mask_path(photo))
    opened = read_photo(photo)
    with pytest.raises(UsageError, match=r"mask\.png is a pipe"):
        _ = opened.mask
    assert opened.key is not None
    with pytest.raises(UsageError, match=r"mask\.png is a pipe"):
        opened.key()


def test_a_mask_cut_short_is_an_error(photo: Path) -> None:
    """A photo may lack a few rows, but a mask must be complete."""
    whole = save(grey(255), mask_path(photo)).read_bytes()
    mask_path(photo).write_bytes(whole[:-25])
    with pytest.raises(MelError, match=r"mask\.png is damaged"):
        _ = read_photo(photo).mask


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such long paths by default")
@pytest.mark.parametrize("length", [246, 255])
def test_a_photo_whose_name_leaves_no_room_for_a_mask_has_none(tmp_path: Path, length: int) -> None:
    """File systems allow names of 255 bytes; the ending of a mask takes 9."""
    photo = save(skin(12, 8), tmp_path / f"{'n' * (length - 4)}.png")
    read = read_photo(photo)
    assert read.mask is None
    assert read.key is not None
    assert "masked by nothing" in read.key()
