"""Laws of how much memory a photo takes: a stated multiple of its pixels, whatever its format."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench import oriented, run_python, skin

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc"),
]

WIDTH, HEIGHT = 4000, 3000
SLACK_MB = 24
"""For buffers that do not grow with a photo, and plugins that are loaded."""

PEAK = """
import sys
from pathlib import Path
import numpy
from PIL import Image, ImageCms
from mel_debug.files.photos import read_photo

def peak_kb():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])

before = peak_kb()
pixels = read_photo(Path(sys.argv[1])).pixels
print((peak_kb() - before) * 1024, pixels.nbytes)
"""


def _save(kind: str, folder: Path) -> Path:
    picture = Image.fromarray(skin(WIDTH // 8, HEIGHT // 8)).resize((WIDTH, HEIGHT))
    path = folder / f"photo.{kind.rsplit(maxsplit=1)[-1]}"
    if kind == "12 bit tif":
        grey = np.asarray(picture.convert("L")).astype(np.uint16) * 16
        tifffile.imwrite(path, grey)
    elif kind == "see-through png":
        picture.putalpha(128)
        picture.save(path, exif=oriented(6), compress_level=1)
    elif kind == "progressive jpg":
        picture.save(path, progressive=True, subsampling=0, exif=oriented(6))
    elif kind == "print jpg":
        picture.convert("CMYK").save(path, progressive=True)
    elif kind == "palette gif":
        picture.quantize(16).save(path)
    else:
        picture.save(path, exif=oriented(6))
    return path


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("jpg", 4.5),
        ("progressive jpg", 4.5),
        ("print jpg", 4.5),
        ("png", 4.5),
        ("see-through png", 4.5),
        ("tif", 4.5),
        ("12 bit tif", 4.5),
        ("palette gif", 4.5),
        ("avif", 4.5),
        ("webp", 7.0),
        ("jp2", 7.0),
    ],
)
@pytest.mark.filterwarnings("ignore::mel_debug.core.errors.MelWarning")
def test_reading_takes_a_stated_multiple_of_the_pixels(
    tmp_path: Path, kind: str, most: float
) -> None:
    """The factors of `read_photo`, over the (height, width, 3) bytes."""
    outcome = run_python("-c", PEAK, str(_save(kind, tmp_path)))
    assert outcome.code == 0, outcome.stderr
    peak, pixels = map(int, outcome.stdout.split())
    assert pixels == WIDTH * HEIGHT * 3
    assert peak <= most * pixels + SLACK_MB * 1_000_000


STARVED = """
import resource, sys
from pathlib import Path
import numpy
from mel_debug.core.errors import MelError
from mel_debug.files.photos import read_photo
photo = read_photo(Path(sys.argv[1]))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 20_000_000, -1))
try:
    photo.pixels
except MelError as error:
    print(error)
"""


def test_a_photo_that_memory_does_not_hold_is_named(tmp_path: Path) -> None:
    """One line instead of a traceback."""
    path = tmp_path / "large.png"
    Image.new("RGB", (WIDTH, HEIGHT)).save(path)
    outcome = run_python("-c", STARVED, str(path))
    assert outcome.stdout.splitlines() == [
        f"{path}: not enough memory to read it; try fewer `jobs` or a smaller copy"
    ]
