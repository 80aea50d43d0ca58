"""Laws of opening image files: known formats, regular files, and sizes within the limit only."""

import os
import socket
import stat
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.limits import MAX_PIXELS
from mel_debug.files.photos import mask_path, read_photo
from workbench import run_python, save, skin

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\n{} loop\n"
HUGE_GIF = b"GIF89a" + struct.pack("<HH", 22000, 22000) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
HUGE_GIF += b"," + struct.pack("<HHHH", 0, 0, 22000, 22000) + b"\0\x02\x02D\x01\0;"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save(skin(12, 8), tmp_path / "photo.png")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["photo.jpg", "photo.eps", "photo.jpg.mask.png"])
def test_nothing_in_a_photo_is_executed(tmp_path: Path, name: str) -> None:
    """Pillow hands PostScript to Ghostscript, which would run for ever."""
    ran = tmp_path / "ran"
    for program in ("gs", "gswin64c"):
        script = tmp_path / "bin" / program
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\ntouch {ran}\nsleep 60\n")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    save(skin(12, 8), tmp_path / "photo.jpg")
    (tmp_path / name).write_bytes(POSTSCRIPT)
    photo = name.removesuffix(".mask.png")
    code = f"""
from pathlib import Path
from mel_debug.files.photos import read_photo
photo = read_photo(Path({str(tmp_path / photo)!r}))
photo.mask, photo.pixels
"""
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    outcome = run_python("-c", code, env={"PATH": path}, timeout=60)
    assert f"{name} is not a photo that can be read: it is PostScript" in outcome.stderr
    assert not ran.exists()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7\n", "is a PDF"),
        (b"<?xml version='1.0'?><svg/>", "is a web page or SVG"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "is a video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "is a raw photo"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(64), "is a raw photo"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\0\0\x02\0" + bytes(60), "none of the known formats"),  # a TGA, which has no signature
    ],
)
def test_the_error_says_what_kind_of_file_it_is(tmp_path: Path, content: bytes, what: str) -> None:
    """So that the user can convert it."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(MelError, match=rf"photo\.jpg is not a photo that can be read: .*{what}"):
        read_photo(path)


@pytest.mark.parametrize("tag", [(50706, "B", 4, b"\x01\x04\0\0", True), (254, "I", 1, 1, True)])
def test_a_preview_is_not_taken_for_the_photo(tmp_path: Path, tag: tuple[object, ...]) -> None:
    """Raw photos are TIFFs that begin with a small picture: marks would be in the wrong place."""
    path = tmp_path / "camera.tif"
    subfile = {} if tag[0] != 254 else {"subfiletype": 1}
    extra = [] if subfile else [tag]
    tifffile.imwrite(path, skin(12, 8), photometric="rgb", extratags=extra, **subfile)
    with pytest.raises(MelError, match=r"camera\.tif"):
        read_photo(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files")
@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it could wait for ever."""
    path = tmp_path / "x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "socket":
            monkeypatch.chdir(tmp_path)  # names of sockets are short
            server.bind("x")
        with pytest.raises(UsageError, match=f"x is a {kind}"):
            read_photo(path)


def test_the_limit_of_pixels_is_checked_from_the_header_alone(tmp_path: Path) -> None:
    """35 bytes must not take gigabytes; a photo of 200 megapixels is one."""
    path = tmp_path / "huge.gif"
    path.write_bytes(HUGE_GIF)
    with pytest.raises(MelError, match=rf"huge\.gif has 22000 x 22000 pixels.*{MAX_PIXELS}"):
        read_photo(path)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".avif", ".jp2", ".tif", ".bmp", ".ppm"])
def test_the_limit_can_be_set(photo: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds for photos of all formats, and for masks."""
    path = photo.with_suffix(suffix)
    Image.open(photo).save(path)
    monkeypatch.setenv(MAX_PIXELS, "95")
    with pytest.raises(MelError, match="12 x 8 pixels, more than the limit of 95"):
        read_photo(path)
    monkeypatch.setenv(MAX_PIXELS, "96")
    save(np.zeros((8, 13), dtype=np.uint8), mask_path(path))
    opened = read_photo(path)
    with pytest.raises(MelError, match=r"mask\.png has 13 x 8 pixels"):
        _ = opened.mask


@pytest.mark.parametrize("text", ["lots", "0", "-5", "1e6", "9" * 5000, "\u0663"])
def test_a_limit_that_is_no_number_is_a_usage_error(
    photo: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is named, not the photo."""
    monkeypatch.setenv(MAX_PIXELS, text)
    with pytest.raises(UsageError, match=rf"{MAX_PIXELS} must be a whole number"):
        read_photo(photo)


def test_a_tiff_of_one_giant_tile_is_refused(tmp_path: Path) -> None:
    """The tile, not the photo, would fill the memory."""
    path = tmp_path / "tiles.tif"
    tifffile.imwrite(path, skin(64, 64), photometric="rgb", tile=(16, 16))
    data = path.read_bytes()
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["TileWidth"].overwrite(32768)
        file.pages[0].tags["TileLength"].overwrite(32768)
    assert path.read_bytes() != data
    with pytest.raises(MelError, match=r"tiles\.tif is damaged: its tiles"):
        read_photo(path)


def test_a_header_of_junk_ends(tmp_path: Path) -> None:
    """Pillow reads junk between markers byte by byte."""
    path = tmp_path / "junk.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0\0\x04AB" + bytes(3_000_000))
    with pytest.raises(MelError, match=r"junk\.jpg"):
        read_photo(path)


@pytest.mark.slow
def test_chunks_that_expand_are_bounded(tmp_path: Path, photo: Path) -> None:
    """Texts and profiles of a PNG may be a thousand times as large as they are stored."""
    data = photo.read_bytes()
    bomb = zlib.compress(bytes(200_000_000), 9)
    for kind, head in ((b"zTXt", b"name\0\0"), (b"iCCP", b"name\0\0"), (b"iTXt", b"n\0\1\0\0\0")):
        body = kind + head + bomb
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        path = tmp_path / "bomb.png"
        path.write_bytes(data[:33] + chunk + data[33:])
        with pytest.raises(MelError, match=r"bomb\.png is damaged .*too large"):
            read_photo(path)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    """The message has the reason of the operating system."""
    path = tmp_path / "loop.jpg"
    path.symlink_to(path)
    with pytest.raises(MelError, match=r"loop\.jpg can't be read \("):
        read_photo(path)
