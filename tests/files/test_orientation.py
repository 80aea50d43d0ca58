"""Laws of the orientation: read as viewers do, whatever else is damaged in the EXIF."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mel_debug.core.geometry import Size
from mel_debug.core.types import Pixels
from mel_debug.files.photos import photo_of_image, read_photo
from workbench import oriented, skin, stored

SHOWN = np.repeat(np.repeat(skin(6, 4, seed=3), 8, axis=0), 8, axis=1)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
NESTED_XMP = b"<x:xmpmeta><tiff:Orientation> 6 </tiff:Orientation></x:xmpmeta>".replace(
    b" 6 ", b"6"
)


def exif_with(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF of raw entries: tag, type, count and four bytes of value."""
    packed = b"".join(struct.pack("<HHI", tag, kind, n) + value for tag, kind, n, value in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)


ORIENTATION = (0x0112, 3, 1, b"\x06\0\0\0")
DAMAGED = {
    "a unit as text": exif_with(ORIENTATION, (0x0128, 2, 2, b"2\0\0\0")),
    "a value far outside": exif_with((0x010F, 2, 999, b"\xff\xff\xff\x7f"), ORIENTATION),
    "a type that does not exist": exif_with((0x010F, 77, 1, bytes(4)), ORIENTATION),
    "cut short after it": exif_with(ORIENTATION, ORIENTATION)[:-14],
}


def jpeg(picture: Pixels, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="JPEG", quality=98, subsampling=0, **options)
    return file.getvalue()


def is_shown(path: Path) -> bool:
    photo = read_photo(path)
    assert photo.size == Size(48, 32)
    return bool(np.abs(photo.pixels.astype(int) - SHOWN).max() <= 12)


@pytest.mark.parametrize("name", sorted(DAMAGED))
def test_damage_elsewhere_in_exif_does_not_matter(tmp_path: Path, name: str) -> None:
    """Pillow can't write such EXIF back, and need not."""
    path = tmp_path / "held.jpg"
    path.write_bytes(jpeg(stored(SHOWN, 6), exif=DAMAGED[name]))
    assert is_shown(path)


@pytest.mark.parametrize("xmp", [XMP, NESTED_XMP])
def test_the_orientation_may_be_in_xmp_alone(tmp_path: Path, xmp: bytes) -> None:
    """Some programs write no EXIF."""
    path = tmp_path / "held.jpg"
    path.write_bytes(jpeg(stored(SHOWN, 6), xmp=xmp))
    assert is_shown(path)


def test_xmp_in_the_place_of_exif_is_read(tmp_path: Path) -> None:
    """Some programs store XMP there."""
    path = tmp_path / "held.jpg"
    path.write_bytes(jpeg(stored(SHOWN, 6), exif=b"Exif\0\0" + XMP))
    assert is_shown(path)


def test_exif_prevails_over_xmp(tmp_path: Path) -> None:
    """As in viewers: cameras turn a photo by EXIF."""
    path = tmp_path / "held.jpg"
    path.write_bytes(jpeg(stored(SHOWN, 3), exif=oriented(3), xmp=XMP))
    assert is_shown(path)


def test_exif_after_the_pixels_of_a_png_counts(tmp_path: Path) -> None:
    """The standard allows it, and reading it decodes nothing."""
    file = io.BytesIO()
    Image.fromarray(stored(SHOWN, 6)).save(file, format="PNG")
    data, exif = file.getvalue(), oriented(6).tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    path = tmp_path / "held.png"
    path.write_bytes(data[:-12] + chunk + data[-12:])
    assert is_shown(path)


def test_a_stereo_photo_is_its_first_picture(tmp_path: Path) -> None:
    """Phones write MPO under the name of a JPEG."""
    path = tmp_path / "phone.jpg"
    first, second = Image.fromarray(stored(SHOWN, 6)), Image.new("RGB", (8, 8))
    first.save(
        path,
        format="MPO",
        save_all=True,
        append_images=[second],
        quality=98,
        subsampling=0,
        exif=oriented(6),
    )
    assert is_shown(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_in_memory_is_turned_as_its_file_is(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    """Opened by Pillow, or with EXIF that was set in memory; the image itself stays as it was."""
    path = tmp_path / f"photo{suffix}"
    Image.fromarray(stored(SHOWN, orientation)).save(path, exif=oriented(orientation))
    image = Image.open(path)
    assert np.array_equal(photo_of_image(image, "image").pixels, read_photo(path).pixels)
    made = Image.fromarray(stored(SHOWN, orientation))
    made.getexif()[0x0112] = orientation
    assert np.array_equal(photo_of_image(made, "image").pixels, SHOWN)
    assert np.array_equal(np.asarray(made), stored(SHOWN, orientation))


@pytest.mark.filterwarnings(
    "ignore:(Corrupt EXIF|Tag data)"
)  # of Image.open, before the image is ours
@pytest.mark.parametrize("name", DAMAGED)
def test_an_image_in_memory_may_have_damaged_exif(name: str) -> None:
    """Pillow's own function raises for EXIF that it can't write back."""
    image = Image.open(io.BytesIO(jpeg(stored(SHOWN, 6), exif=DAMAGED[name])))
    assert photo_of_image(image, "image").size == Size(48, 32)
