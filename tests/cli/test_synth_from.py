"""Laws of `mel-debug synth --from`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from extras import needs_xfeat
from mel_debug.files.marks import ABSENT, read_moles
from mel_debug.files.photos import read_photo
from mel_debug.synth.command import command
from mel_debug.synth.levels import LEVELS
from workbench import mark, run, save, skin, with_moles

pytestmark = pytest.mark.usefixtures("only_builtins")

CENTRES = [(60, 50), (200, 60), (130, 130), (250, 160), (70, 190), (180, 210)]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo with six distinct moles, one of them marked."""
    faint = np.rint(160 + 0.1 * (skin(320, 260).astype(float) - 160)).astype(np.uint8)
    path = save(with_moles(faint, CENTRES, radius=2.5), tmp_path / "mine.jpg")
    mark(path, ("ab" * 16, 130, 130))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_each_photo_becomes_a_part_with_its_own_sessions(tmp_path: Path, photo: Path) -> None:
    """The first session is the photo itself, the later ones mark the same moles, or list them."""
    outcome = run("synth", str(tmp_path / "new"), "--from", str(photo), "--sessions", "3")
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.startswith("Wrote 3 photos")
    assert (tmp_path / "new" / "melroot").exists()
    first, *later = sorted((tmp_path / "new" / "rotomaps" / "parts").glob("*/*/*/0.jpg"))
    own = read_photo(photo).pixels.astype(int)
    assert np.abs(read_photo(first).pixels - own).mean() < 2
    uuids = {mole.uuid for mole in read_moles(first)}
    assert (130.5, 130.5) in {(mole.point.x, mole.point.y) for mole in read_moles(first)}
    assert len(uuids) == len(CENTRES)
    assert len(later) == 2
    for path in later:
        here, gone = ({mole.uuid for mole in read_moles(path, stem)} for stem in (None, ABSENT))
        assert here
        assert not here & gone
        assert here | gone <= uuids


def test_a_turned_photo_is_warped_as_it_is_shown(tmp_path: Path, photo: Path) -> None:
    """Its EXIF orientation is applied and removed, as is all other metadata."""
    with Image.open(photo) as image:
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "my back"
        image.save(tmp_path / "turned.jpg", exif=exif)
    run("synth", str(tmp_path / "new"), "--from", str(tmp_path / "turned.jpg"))
    for path in (tmp_path / "new").rglob("0.jpg"):
        with Image.open(path) as image:
            assert image.size == (260, 320)
            assert dict(image.getexif()) == {0x0112: 1}


@pytest.mark.slow
def test_the_same_options_write_the_same_bytes(tmp_path: Path, photo: Path) -> None:
    """So a second run into the same folder changes nothing, but another seed is refused."""
    options = ("--from", str(photo), "--level", "strong")
    for name in ("one", "other", "one"):
        assert run("synth", str(tmp_path / name), *options).code == 0
    before = contents(tmp_path / "one")
    assert before == contents(tmp_path / "other")
    outcome = run("synth", str(tmp_path / "one"), *options, "--seed", "8")
    assert outcome.code == 2
    assert "choose a new folder" in outcome.stderr.splitlines()[-1]
    assert contents(tmp_path / "one") == before


def test_forced_changes_reach_the_photos(tmp_path: Path, photo: Path) -> None:
    """A close-up is smaller, and in a mirrored view every mole is absent."""
    options = ("--from", str(photo), "--closeup", "4", "--mirrored", "--rotation", "30")
    assert run("synth", str(tmp_path / "new"), *options, "--scale", "1").code == 0
    _, later = sorted((tmp_path / "new").rglob("0.jpg"))
    with Image.open(later) as image:
        assert image.size == (160, 130)
    assert json.loads(later.with_name("0.jpg.json").read_text()) == []
    assert read_moles(later, ABSENT)


@pytest.mark.parametrize("option", [("--photos", "3"), ("--difficulty", "0.2")])
def test_options_of_a_generated_person_are_refused(
    tmp_path: Path, photo: Path, option: tuple[str, str]
) -> None:
    """They would change nothing; the message names the option, and nothing is written."""
    outcome = run("synth", str(tmp_path / "new"), "--from", str(photo), *option)
    assert outcome.code == 2
    assert f"{option[0]} can't be combined with --from" in outcome.error
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "option",
    [
        ("--level", "mild"),
        ("--rotation", "9"),
        ("--scale", "2"),
        ("--closeup", "4"),
        ("--mirrored",),
    ],
)
def test_options_of_warps_are_refused_without_a_photo(
    tmp_path: Path, option: tuple[str, ...]
) -> None:
    """They would change nothing about a generated person."""
    outcome = run("synth", str(tmp_path / "new"), *option)
    assert outcome.code == 2
    assert f"{option[0]} can only be used with --from" in outcome.error


def test_what_is_no_photo_is_an_error_of_one_line(tmp_path: Path) -> None:
    """It is found before anything is written."""
    (tmp_path / "notes.txt").write_text("no photo")
    outcome = run("synth", str(tmp_path / "new"), "--from", str(tmp_path / "notes.txt"))
    assert outcome.code == 1
    assert "notes.txt" in outcome.error
    assert not (tmp_path / "new").exists()


def test_the_command_offers_every_level() -> None:
    """It names them itself, as listing commands must not import numpy."""
    (option,) = (each for each in command.params if each.name == "level")
    assert list(option.type.choices) == list(LEVELS)  # type: ignore[attr-defined]


@needs_xfeat
@pytest.mark.slow
def test_evaluate_finds_the_moles_of_mild_warps(tmp_path: Path) -> None:
    """The truth is where the matcher finds the same picture again: scikit-image's coffee."""
    from skimage import data

    source = save(data.coffee(), tmp_path / "coffee.png")
    folder = str(tmp_path / "new")
    assert run("synth", folder, "--from", str(source), "--level", "mild").code == 0
    outcome = run(
        "evaluate", folder, "--extractor", "xfeat", "--json", "--state", str(tmp_path / "s")
    )
    assert outcome.code == 0, outcome.stderr
    (measured,) = outcome.report["configurations"]
    assert measured["queries"] >= 8
    assert measured["pck"]["0.01"] >= 0.9
    assert measured["median_px"] < 2.0
