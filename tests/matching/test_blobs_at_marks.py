"""Laws of the hint that a mark is on bare skin."""

import numpy as np
import pytest

from mel_debug.confidence.blobs import has_blob
from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo, Pixels
from mel_debug.synth import plan_pair, render
from sessions import arguments
from workbench import Scene, mark, run, save, with_moles

SEEDS = range(40, 46)


@pytest.fixture(scope="module")
def rates() -> tuple[float, float]:
    """The shares of generated moles, and of places without a mole, with a blob."""
    random = np.random.default_rng(3)
    moles, bare = [], []
    for seed in SEEDS:
        body, shot, _ = plan_pair(seed, megapixels=1.5, moles=14, difficulty=0.3, absent=0)
        picture = render(body, shot)
        photo = Photo.of(picture.pixels, picture.mask)
        places = np.array([(mole.x, mole.y) for mole in picture.moles])
        moles += [
            has_blob(photo, Point(mole.x, mole.y))
            for mole in picture.moles
            if body.mole(mole.uuid).diameter * shot.pixels_per_mm >= 6
        ]
        rows, columns = np.nonzero(picture.mask)
        for number in random.integers(len(rows), size=40):
            place = Point(columns[number] + 0.5, rows[number] + 0.5)
            nearest = np.hypot(places[:, 0] - place.x, places[:, 1] - place.y).min()
            if nearest > 0.03 * photo.size.longest:
                bare.append(has_blob(photo, place))
    assert min(len(moles), len(bare)) >= 50
    return float(np.mean(moles)), float(np.mean(bare))


@pytest.mark.slow
def test_nearly_every_mole_is_a_spot_and_most_bare_skin_is_none(
    rates: tuple[float, float],
) -> None:
    """Moles of a radius of 3 pixels and more; freckles count as bare skin here."""
    moles, bare = rates
    assert moles >= 0.98
    assert bare <= 0.2


@pytest.mark.parametrize("radius", [2, 4, 8, 16, 32, 64])
def test_a_mole_is_a_spot_in_an_overview_and_in_a_close_up(radius: int) -> None:
    """Its sigma is from two pixels to a tenth of the photo."""
    photo = Photo.of(with_moles(plain_skin(700), [(350, 350)], radius))
    assert has_blob(photo, Point(350, 350))
    assert not has_blob(Photo.of(plain_skin(700)), Point(350, 350))


def plain_skin(side: int) -> Pixels:
    """Skin with the noise of a camera and shade from one side."""
    noise = np.random.default_rng(1).normal(0, 2, (side, side, 3))
    shade = np.linspace(1, 0.6, side)[:, np.newaxis]
    picture: Pixels = (np.array([200, 150, 130]) * shade[..., np.newaxis] + noise).astype(np.uint8)
    return picture


@pytest.mark.slow
@pytest.mark.usefixtures("only_builtins")
@pytest.mark.parametrize(("place", "spot"), [((150, 140), True), ((60, 200), False)])
def test_a_mark_on_bare_skin_is_reported(
    scene: Scene, place: tuple[int, int], *, spot: bool
) -> None:
    """As a note and in JSON, by `dino3-map` and `automark3`."""
    picture = with_moles(plain_skin(256), [(150, 140), (60, 80), (220, 60)])
    for photo in (scene.source, scene.target):
        save(picture, photo)
    mark(scene.source, (scene.uuid, *place))
    report = run(*scene.arguments("--json")).report
    assert report["spot_at_mark"] is spot
    said = f"no spot at the mark in {scene.source}"
    assert any(said in note for note in report["notes"]) == (not spot)
    assert (said in run(*scene.arguments()).stdout) == (not spot)
    outcome = run(*arguments([scene.source], [scene.target], "--dry-run", "--json", "-v"))
    (mole,) = outcome.report["targets"][0]["moles"]
    assert mole["spot_at_mark"] is spot
    assert (said in outcome.stderr) == (not spot)
