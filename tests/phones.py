"""Photos as a phone saves them: HEIC, held in any way, with their rotation in EXIF data."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from mel_debug.synth import MolePosition, plan_sessions, render
from workbench import oriented, stored

needs_heif = pytest.mark.skipif(
    find_spec("pillow_heif") is None, reason="the extra heif is not installed"
)


def photos_of_a_phone(folder: Path) -> list[tuple[Path, dict[str, MolePosition]]]:
    """Four sessions of one back as HEIC, held in four ways; with the true places of all moles."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
    (part,) = plan_sessions(
        11, photos=1, sessions=4, moles=8, megapixels=1.0, difficulty=0.2, absent=0.0
    )
    taken = []
    for session, (shot, orientation) in enumerate(zip(part.shots, (6, 8, 3, 1), strict=True)):
        photo = render(part.body, shot, session)
        path = folder / f"IMG_{session:04d}.HEIC"
        exif = oriented(orientation).tobytes()
        image = Image.fromarray(stored(photo.pixels, orientation))
        image.save(path, format="HEIF", quality=90, exif=exif)
        taken.append((path, {mole.uuid: mole for mole in photo.moles}))
    return taken
