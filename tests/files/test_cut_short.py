"""Laws of truncated files: read with a warning if little is missing, as viewers do."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from mel_debug.core.errors import MelError, MelWarning
from mel_debug.files.cut_short import MOST_MISSING
from mel_debug.files.photos import read_photo
from workbench import oriented, skin, stored

ROWS, COLUMNS = 400, 320


def encoded(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(skin(COLUMNS, ROWS)).save(file, format=kind, **options)
    return file.getvalue()


FORMS = {
    "JPEG": encoded("JPEG", quality=90),
    "progressive JPEG": encoded("JPEG", quality=90, progressive=True),
    "grey JPEG": encoded("JPEG", quality=90),
    "PNG": encoded("PNG"),
    "BMP": encoded("BMP"),
    "TIFF": encoded("TIFF"),
    "GIF": encoded("GIF"),
}


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_jpeg_without_its_end_is_read_whole(tmp_path: Path, kind: str, cut: int) -> None:
    """Every viewer shows it; the end marker holds no pixels."""
    path, whole = tmp_path / "cut.jpg", tmp_path / "whole.jpg"
    whole.write_bytes(FORMS[kind])
    path.write_bytes(FORMS[kind][:-cut])
    with pytest.warns(MelWarning, match=r"cut\.jpg is cut short") as told:
        pixels = read_photo(path).pixels
    assert len(told) == 1
    assert np.array_equal(pixels, read_photo(whole).pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF"])
def test_what_is_there_of_a_photo_cut_short_is_what_the_whole_one_shows(
    tmp_path: Path, kind: str
) -> None:
    """Up to `MOST_MISSING` of the rows; a warning has their number."""
    path, whole = tmp_path / "cut", tmp_path / "whole"
    whole.write_bytes(FORMS[kind])
    path.write_bytes(FORMS[kind][: round(0.98 * len(FORMS[kind]))])
    with pytest.warns(MelWarning, match=r"cut is cut short .* of 400 rows"):
        pixels = read_photo(path).pixels
    missing = round(MOST_MISSING * ROWS) + 16  # a row of blocks may be partly there
    there = slice(missing, None) if kind == "BMP" else slice(None, -missing)  # BMPs begin below
    assert np.array_equal(pixels[there], read_photo(whole).pixels[there])


@pytest.mark.parametrize("kind", sorted(FORMS))
@pytest.mark.parametrize("share", [0.3, 0.5, 0.85])
def test_more_than_that_is_an_error(tmp_path: Path, kind: str, share: float) -> None:
    """Half a download is no photo, whatever part of it could be shown."""
    path = tmp_path / "half"
    path.write_bytes(FORMS[kind][: round(share * len(FORMS[kind]))])
    with pytest.raises(MelError, match="half"):
        _ = read_photo(path).pixels


def test_a_progressive_photo_may_lack_the_end_of_its_last_scan_only(tmp_path: Path) -> None:
    """A scan less, and the whole photo would be blurred without a grey row to show it."""
    data = FORMS["progressive JPEG"]
    last = data.rindex(b"\xff\xda")
    path = tmp_path / "photo.jpg"
    path.write_bytes(data[:-100])
    with pytest.warns(MelWarning, match="cut short"):
        _ = read_photo(path).pixels
    path.write_bytes(data[: last - 10])
    with pytest.raises(MelError, match=r"photo\.jpg is damaged"):
        _ = read_photo(path).pixels


def smooth() -> Image.Image:
    """Skin without fine texture."""
    return Image.fromarray(skin(32, 40)).resize((COLUMNS, ROWS), Image.Resampling.BICUBIC)


def test_the_last_scan_of_a_smooth_progressive_photo_may_not_end_early(tmp_path: Path) -> None:
    """What a scan has not begun to refine a decoder smooths, so it differs there as well."""
    file = io.BytesIO()
    smooth().save(file, format="JPEG", progressive=True)
    data = file.getvalue()
    path = tmp_path / "half.jpg"
    path.write_bytes(data[: (data.rindex(b"\xff\xda") + len(data)) // 2])
    with pytest.raises(MelError, match=r"half\.jpg .*more than 5% of it is missing"):
        _ = read_photo(path).pixels


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.6, 0.7, 0.8])
def test_an_interlaced_gif_may_not_lack_rows_in_between(tmp_path: Path, share: float) -> None:
    """Its odd rows come last."""
    file = io.BytesIO()
    smooth().quantize(64).save(file, format="GIF", interlace=True)
    path = tmp_path / "half.gif"
    path.write_bytes(file.getvalue()[: round(share * len(file.getvalue()))])
    with pytest.raises(MelError, match=r"half\.gif .*\(image file is truncated"):
        _ = read_photo(path).pixels


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_rows_are_missing_where_the_camera_stored_them(tmp_path: Path, orientation: int) -> None:
    """The photo is turned after its end has been looked for."""
    shown = skin(COLUMNS, ROWS)
    file = io.BytesIO()
    image = Image.fromarray(stored(shown, orientation))
    image.save(file, format="JPEG", quality=90, exif=oriented(orientation))
    path = tmp_path / "held.jpg"
    path.write_bytes(file.getvalue()[:-200])
    photo = read_photo(path)
    with pytest.warns(MelWarning, match="cut short"):
        _ = photo.pixels
    assert photo.pixels.shape == shown.shape
    centre = np.s_[100:300, 100:200]
    assert (
        np.abs(photo.pixels[centre].astype(int) - shown[centre]).mean() < 18
    )  # half a turn more: 28


def test_no_global_setting_of_pillow_is_changed(tmp_path: Path) -> None:
    """Other threads and other libraries may be reading photos meanwhile."""
    path = tmp_path / "cut.jpg"
    path.write_bytes(FORMS["JPEG"][:-2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _ = read_photo(path).pixels
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
