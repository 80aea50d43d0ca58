"""Laws of grey values of more than 8 bits: white is stated or guessed with a warning."""

import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from mel_debug.core.errors import MelError, MelWarning
from mel_debug.core.types import Pixels
from mel_debug.files.greys import eight_bit_grey
from mel_debug.files.photos import read_photo
from workbench import save

RAMP = np.linspace(0, 1, 256).reshape(16, 16)


def ramp(white: int, kind: type[Any]) -> NDArray[Any]:
    return np.round(RAMP * white).astype(kind)


def png_of(pixels: NDArray[np.uint16]) -> bytes:
    """A PNG of (height, width, 2 to 4) 16-bit samples, which Pillow can't write."""
    height, width, bands = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def is_the_ramp(pixels: Pixels) -> bool:
    return bool(np.abs(pixels[..., 0] - RAMP * 255).max() <= 1)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_few_bits_in_a_16_bit_file_are_shown_at_their_range(
    tmp_path: Path, bits: int, suffix: str
) -> None:
    """Dermatoscopes write 12 bits, which would be black as 16 bits. There is a warning."""
    path = tmp_path / f"deep{suffix}"
    save(ramp(2**bits - 1, np.uint16), path)
    with pytest.warns(MelWarning, match=rf"deep\{suffix}: its brightest value is {2**bits - 1} of"):
        assert is_the_ramp(read_photo(path).pixels)


@pytest.mark.parametrize("bits", [9, 17, 18, 20, 25, 30])
def test_no_depth_in_a_32_bit_file_comes_out_dark(tmp_path: Path, bits: int) -> None:
    """The brightest value is shown as a quarter of white at least, whatever the depth."""
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, ramp(2**bits - 1, np.uint32))
    with pytest.warns(MelWarning, match=f"its brightest value is {2**bits - 1} of"):
        assert read_photo(path).pixels.max() >= 63


def test_a_range_that_the_file_states_needs_no_warning(tmp_path: Path) -> None:
    """TIFF's MaxSampleValue, here 4000 of 12 bits."""
    path = tmp_path / "deep.tif"
    stated = [(281, "H", 1, 4000, True)]
    tifffile.imwrite(path, ramp(4000, np.uint16), extratags=stated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = read_photo(path).pixels
    assert np.abs(pixels[..., 0] - RAMP * 255 * 4000 / 4095).max() <= 1


@pytest.mark.parametrize("kind", [np.uint16, np.uint32, np.int32])
def test_full_range_integers_keep_their_range(tmp_path: Path, kind: type[Any]) -> None:
    """Also those above what Pillow's signed pixels hold."""
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, ramp(np.iinfo(kind).max, kind))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert is_the_ramp(read_photo(path).pixels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order_reads_alike(tmp_path: Path, order: Any) -> None:
    """TIFFs of 16 bit come in both."""
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, ramp(65535, np.uint16), byteorder=order)
    assert is_the_ramp(read_photo(path).pixels)


def test_a_negative_is_shown_as_it_was_meant(tmp_path: Path) -> None:
    """A TIFF can state that 0 is white, also with 16 bits."""
    path = tmp_path / "negative.tif"
    tifffile.imwrite(path, 65535 - ramp(65535, np.uint16), photometric="miniswhite")
    assert is_the_ramp(read_photo(path).pixels)


def test_negative_values_are_refused(tmp_path: Path) -> None:
    """They have no brightness."""
    path = tmp_path / "signed.tif"
    tifffile.imwrite(path, ramp(1000, np.int32) - 5)
    with pytest.raises(MelError, match=r"signed\.tif: negative values"):
        _ = read_photo(path).pixels


def test_dark_16_bit_colours_are_refused(tmp_path: Path) -> None:
    """Pillow reads only their high bytes, so 12-bit colours would be 16 shades of black."""
    path = tmp_path / "dark.tif"
    colours = np.repeat(ramp(4095, np.uint16)[..., np.newaxis], 3, axis=2)
    tifffile.imwrite(path, colours, photometric="rgb")
    with pytest.raises(MelError, match=r"dark\.tif: its 16-bit colours use less than a quarter"):
        _ = read_photo(path).pixels


@pytest.mark.parametrize("bits", [8, 9, 12, 14])
@pytest.mark.parametrize("bands", [2, 3, 4])
def test_neither_an_alpha_channel_nor_black_makes_dark_colours_bright(
    tmp_path: Path, bits: int, bands: int
) -> None:
    """An opaque alpha channel uses all of its range; of 8 bits no high byte is left."""
    path = tmp_path / "dark.png"
    values = ramp(2**bits - 1, np.uint16)
    opaque = [np.full_like(values, 65535)] * (bands in (2, 4))
    pixels = np.dstack([*[values] * (bands - len(opaque)), *opaque])
    path.write_bytes(png_of(pixels))
    with pytest.raises(MelError, match=r"dark\.png: its 16-bit colours use less than a quarter"):
        _ = read_photo(path).pixels


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bit_colours_in_separate_planes_are_read_or_refused(
    tmp_path: Path, compression: str | None
) -> None:
    """Pillow takes half a sample for a sample where they are not compressed."""
    path = tmp_path / "planes.tif"
    planes = np.stack([ramp(65535, np.uint16)] * 3)
    tifffile.imwrite(
        path, planes, photometric="rgb", planarconfig="separate", compression=compression
    )
    if compression:
        assert is_the_ramp(read_photo(path).pixels)
    else:
        with pytest.raises(MelError, match=r"planes\.tif stores 16-bit colours in separate planes"):
            read_photo(path)


@pytest.mark.filterwarnings("ignore::mel_debug.core.errors.MelWarning")
@given(st.lists(st.integers(0, 65535), min_size=2, max_size=64))
def test_a_brighter_value_is_never_shown_darker(values: list[int]) -> None:
    """Whichever value is used as white."""
    image = Image.fromarray(np.array([values], dtype=np.int32))
    image.format = "PNG"  # as if read from one
    shown = np.asarray(eight_bit_grey(image, Path("a.png")))[0]
    assert (np.diff(shown[np.argsort(values, kind="stable")].astype(int)) >= 0).all()
