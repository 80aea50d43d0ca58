"""Laws of reading photos and their masks."""

import io
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from mel_debug.core.errors import MelError, MelWarning, UsageError
from mel_debug.core.geometry import Size
from mel_debug.core.types import Pixels
from mel_debug.files.photos import mask_path, photo_of_image, read_photo
from profiles import display_p3
from workbench import oriented, save, skin, stored

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
"""Every grey value once."""


def pixels_of(path: Path) -> Pixels:
    """The pixels of a photo, checked to be what every photo's are."""
    photo = read_photo(path)
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.shape == (photo.size.height, photo.size.width, 3)
    return photo.pixels


@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA", "P", "1", "CMYK", "YCbCr"])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg"])
def test_a_photo_of_any_mode_reads_as_the_rgb_it_shows(
    tmp_path: Path, mode: str, suffix: str
) -> None:
    """Grey, alpha, palette, bilevel and print colours all become 8-bit RGB."""
    if (mode, suffix) == ("YCbCr", ".tiff") and int(PIL.__version__.partition(".")[0]) < 12:
        pytest.skip("Pillow before 12 can't read the YCbCr TIFF files that it writes")
    picture = Image.fromarray(skin(24, 18)).convert(mode)
    path = tmp_path / f"photo{suffix}"
    try:
        picture.save(path, quality=100, subsampling=0)
    except OSError:
        return  # a format that has no such mode has no such file
    shown = np.asarray(picture.convert("RGB")).astype(int)
    assert np.abs(pixels_of(path) - shown).max() <= (6 if suffix == ".jpg" else 0)


def test_grey_stays_grey(tmp_path: Path) -> None:
    """The three colours of a grey photo are the same."""
    got = pixels_of(save(RAMP, tmp_path / "grey.png"))
    assert (got == RAMP[..., np.newaxis]).all()


@pytest.mark.parametrize("kind", ["RGBA", "LA", "P"])
def test_what_is_see_through_shows_white(tmp_path: Path, kind: str) -> None:
    """Transparent pixels hold rubbish that no viewer shows."""
    rgba = np.zeros((8, 8, 4), dtype=np.uint8)
    rgba[:4, :, 3] = 255
    path = tmp_path / "cut-out.png"
    Image.fromarray(rgba).convert(kind).save(path)
    got = pixels_of(path)
    assert (got[:4] == 0).all()
    assert (got[4:] == 255).all()


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    """Alpha mixes the colour with white."""
    rgba = np.full((8, 8, 4), (200, 100, 0, 128), dtype=np.uint8)
    got = pixels_of(save(rgba, tmp_path / "veil.png"))
    assert np.abs(got[0, 0].astype(int) - (227, 177, 127)).max() <= 1


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bit_grey_keeps_its_range(tmp_path: Path, suffix: str) -> None:
    """Black stays black, white stays white, and nothing between is clipped."""
    got = pixels_of(save(RAMP.astype(np.uint16) * 257, tmp_path / f"deep{suffix}"))
    assert (got == RAMP[..., np.newaxis]).all()


def test_sixteen_bit_colour_keeps_its_range(tmp_path: Path) -> None:
    """A 16-bit RGB TIFF reads as the photo it was made from."""
    picture = skin(24, 18)
    path = tmp_path / "deep.tiff"
    tifffile.imwrite(path, picture.astype(np.uint16) * 257, photometric="rgb")
    assert np.array_equal(pixels_of(path), picture)


def test_sixteen_bit_colour_png_keeps_its_range(tmp_path: Path) -> None:
    """A 16-bit RGB PNG reads as the photo it was made from."""
    picture = skin(24, 18)
    path = tmp_path / "deep.png"
    path.write_bytes(_png16(picture))
    assert np.array_equal(pixels_of(path), picture)


def _png16(picture: Pixels) -> bytes:
    """A PNG of 16 bit a colour, which Pillow reads but does not write."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    height, width = picture.shape[:2]
    rows = (picture.astype(np.uint16) * 257).astype(">u2").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_floating_point_pixels_are_one_clear_error(tmp_path: Path) -> None:
    """There is no telling what is white in them."""
    path = save(np.ones((4, 4), dtype=np.float32), tmp_path / "floats.tiff")
    with pytest.raises(MelError, match=r"floats\.tiff: floating-point pixels"):
        _ = read_photo(path).pixels


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg"])
def test_a_photo_reads_as_it_is_shown(tmp_path: Path, orientation: int, suffix: str) -> None:
    """For every orientation, size and pixels are those that viewers show."""
    shown = np.repeat(np.repeat(skin(6, 4, seed=3), 8, axis=0), 8, axis=1)
    path = tmp_path / f"held{suffix}"
    save(stored(shown, orientation), path, exif=oriented(orientation))
    photo = read_photo(path)
    assert photo.size == Size(48, 32)
    assert np.abs(photo.pixels.astype(int) - shown).max() <= (12 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_means_nothing_is_ignored(tmp_path: Path, orientation: int) -> None:
    """The photo is shown as it is stored."""
    picture = skin(12, 8)
    path = save(picture, tmp_path / "odd.png", exif=oriented(orientation))
    assert np.array_equal(pixels_of(path), picture)


def test_exif_data_that_is_damaged_does_not_hide_the_photo(tmp_path: Path) -> None:
    """The pixels are whole, so the photo is shown as it is stored."""
    picture = skin(12, 8)
    path = save(picture, tmp_path / "odd.jpg", exif=b"Exif\0\0no such header")
    assert np.abs(pixels_of(path).astype(int) - picture).max() <= 12


@pytest.mark.slow
def test_a_photo_of_200_megapixels_is_a_photo(tmp_path: Path) -> None:
    """Phones take them; only its header is read here."""
    path = tmp_path / "phone.png"
    Image.new("1", (16_320, 12_240)).save(path)
    assert read_photo(path).size == Size(16_320, 12_240)


def test_the_mask_is_over_the_photo_as_shown(tmp_path: Path) -> None:
    """Masks are drawn on the photo as shown, so they are not rotated."""
    shown = skin(12, 8)
    path = save(stored(shown, 6), tmp_path / "held.png", exif=oriented(6))
    kept = np.zeros((8, 12), dtype=bool)
    kept[:, :5] = True
    save(kept.astype(np.uint8) * 255, mask_path(path))
    mask = read_photo(path).mask
    assert mask is not None
    assert np.array_equal(mask, kept)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "LA", "RGBA"])
def test_a_mask_may_be_saved_in_any_mode(tmp_path: Path, mode: str) -> None:
    """White is valid and black is not, in every format of paint programs."""
    path = save(skin(12, 8), tmp_path / "photo.png")
    kept = np.arange(96).reshape(8, 12) % 3 == 0
    Image.fromarray(kept.astype(np.uint8) * 255).convert(mode).save(mask_path(path))
    mask = read_photo(path).mask
    assert mask is not None
    assert np.array_equal(mask, kept)


def test_the_mask_beside_a_photo_is_used_unless_disabled(tmp_path: Path) -> None:
    """`photo.jpg.mask.png` is found by its name, and `use_mask=False` ignores it."""
    path = save(skin(12, 8), tmp_path / "photo.jpg")
    assert read_photo(path).mask is None
    save(np.zeros((8, 12), dtype=np.uint8), tmp_path / "photo.jpg.mask.png")
    mask = read_photo(path).mask
    assert mask is not None
    assert not mask.any()
    assert read_photo(path, use_mask=False).mask is None


def test_a_mask_of_another_size_is_one_clear_error(tmp_path: Path) -> None:
    """Both files and both sizes are named, and what to do about it."""
    path = save(skin(12, 8), tmp_path / "photo.png")
    save(np.zeros((12, 8), dtype=np.uint8), mask_path(path))
    with pytest.raises(
        MelError, match=r"mask\.png is 8 x 12, but photo\.png is 12 x 8.*use_masks=False"
    ):
        _ = read_photo(path).mask


def test_a_damaged_mask_is_one_clear_error(tmp_path: Path) -> None:
    """The mask is named, not the photo."""
    path = save(skin(60, 40), tmp_path / "photo.png")
    whole = save(skin(60, 40)[..., 0], mask_path(path)).read_bytes()
    mask_path(path).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MelError, match=r"mask\.png.* damaged"):
        _ = read_photo(path).mask
    mask_path(path).write_text("not a mask")
    with pytest.raises(MelError, match=r"mask\.png"):
        _ = read_photo(path).mask


def test_a_missing_photo_is_a_usage_error(tmp_path: Path) -> None:
    """A path that names nothing is a mistake in the command."""
    with pytest.raises(UsageError, match=r"nowhere\.jpg does not exist"):
        read_photo(tmp_path / "nowhere.jpg")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_photo_is_named(tmp_path: Path, content: bytes) -> None:
    """The message names the file, whatever it contains."""
    path = tmp_path / "no-photo.jpg"
    path.write_bytes(content)
    with pytest.raises(MelError, match=r"no-photo\.jpg"):
        read_photo(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff"])
def test_a_photo_cut_short_is_named(tmp_path: Path, suffix: str) -> None:
    """Half a download is an error, not half a grey photo."""
    path = save(skin(120, 90), tmp_path / f"half{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MelError, match=rf"half\{suffix}") as caught:
        _ = read_photo(path).pixels
    assert "\n" not in str(caught.value)


def _encoded(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(skin(24, 16)).convert(mode)
    picture.save(file, format=kind, exif=oriented(6), icc_profile=display_p3(), **options)
    return file.getvalue()


ENCODED = {
    **{kind: _encoded(kind) for kind in ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "PPM")},
    "AVIF": _encoded("AVIF", speed=10),
    "JPEG2000": _encoded("JPEG2000"),
    "progressive JPEG": _encoded("JPEG", progressive=True),
    "print JPEG": _encoded("JPEG", "CMYK"),
    "MPO": _encoded("MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))]),
    "see-through PNG": _encoded("PNG", "RGBA"),
    "palette PNG": _encoded("PNG", "P"),
    "deep PNG": _encoded("PNG", "I;16"),
    "animated PNG": _encoded("PNG", save_all=True, append_images=[Image.new("RGB", (24, 16))]),
    "packed TIFF": _encoded("TIFF", compression="tiff_lzw"),
    "JPEG in a TIFF": _encoded("TIFF", compression="jpeg"),
}


edits = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6)


@pytest.mark.filterwarnings("ignore::mel_debug.core.errors.MelWarning")
@given(st.sampled_from(sorted(ENCODED)), edits, st.floats(0, 1) | st.just(1))
@example("TIFF", [], 1)
@example("PNG", [], 0.5)
@example("PNG", [(200, 0)], 1)
def test_a_damaged_photo_never_raises_anything_but_our_own_error(
    kind: str, edits: list[tuple[int, int]], share: float
) -> None:
    """Whichever bytes are wrong or missing, the error is one line that names the file."""
    content = bytearray(ENCODED[kind])
    for place, value in edits:
        content[place % len(content)] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "damaged")
        path.write_bytes(content[: int(len(content) * share)])
        complaint = None
        try:
            photo = read_photo(path)
            if photo.size.width * photo.size.height < 1e6:
                _ = photo.pixels
        except MelError as error:
            complaint = str(error)
        assert complaint is None or str(path) in complaint


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_in_memory_is_turned_whatever_else_its_exif_says(
    tmp_path: Path, orientation: int
) -> None:
    """Pillow's own way writes the EXIF back, which fails for a unit that is text."""
    shown = skin(12, 8)
    exif = oriented(orientation)
    exif[0x0128] = 2
    data = bytearray(exif.tobytes())
    entry = data.index(b"\x01\x28\x00\x03") if b"MM" in data else data.index(b"\x28\x01\x03\x00")
    data[entry + (3 if b"MM" in data else 2)] = 2  # text
    path = save(stored(shown, orientation), tmp_path / "photo.png", exif=bytes(data))
    with Image.open(path) as image:
        assert np.array_equal(photo_of_image(image, "image").pixels, shown)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_an_image_in_memory_has_the_range_of_its_file(tmp_path: Path, bits: int) -> None:
    """Deep greys of few bits are shown at their range, also when Pillow has opened the file."""
    path = tmp_path / "deep.tif"
    values = np.linspace(0, 2**bits - 1, 256).round().astype(np.uint16).reshape(16, 16)
    save(values, path)
    for opened in (Image.open(path), Image.fromarray(values), Image.fromarray(values.astype("i4"))):
        with opened as image, pytest.warns(MelWarning, match=rf"; {2**bits - 1} .*white"):
            pixels = photo_of_image(image, "image").pixels
        assert int(pixels.max()) == 255


def test_an_image_that_can_not_be_decoded_is_named(tmp_path: Path) -> None:
    """Pillow decodes late, so that the fault is found when the photo is used."""
    path = save(skin(64, 48), tmp_path / "photo.png")
    path.write_bytes(path.read_bytes()[:300])
    with Image.open(path) as image, pytest.raises(MelError, match=r"can't be read \(OSError"):
        photo_of_image(image, "image")
