"""Laws of warped photos: truth lies on the spots, and what is gone is gone."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mel_debug.confidence.blobs import has_blob
from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Mask, Photo, Pixels
from mel_debug.synth import RenderedPhoto, WarpedView, WarpOptions, warped_views
from mel_debug.synth.from_photos import plan_from_photos
from mel_debug.synth.levels import LEVELS, LevelName
from mel_debug.synth.photo_spots import APART, spots_of
from workbench import mark, save, skin, with_moles

CENTRES = [
    (110, 90),
    (300, 70),
    (520, 110),
    (180, 240),
    (400, 260),
    (590, 300),
    (90, 390),
    (330, 420),
]
WIDTH, HEIGHT = 700, 500


@cache
def picture(seed: int = 0) -> Pixels:
    """Faintly textured skin with eight distinct moles."""
    faint = 160 + 0.1 * (skin(WIDTH, HEIGHT, seed).astype(float) - 160)
    return with_moles(np.rint(faint).astype(np.uint8), CENTRES, radius=3.0)


def views(photo: Photo, options: WarpOptions) -> tuple[WarpedView, WarpedView]:
    """The photo and one changed view."""
    first, second = warped_views(photo, options=options)
    return first, second


def positions(photo: RenderedPhoto) -> dict[str, Point]:
    return {mole.uuid: Point(mole.x, mole.y) for mole in (*photo.moles, *photo.absent)}


def darkest(pixels: Pixels, near: Point, reach: int = 8) -> Point:
    """The centroid of darkness around a place."""
    column, row = near.pixel
    rows = slice(max(0, row - reach), row + reach + 1)
    columns = slice(max(0, column - reach), column + reach + 1)
    green: NDArray[np.float64] = pixels[rows, columns, 1].astype(np.float64)
    dark = np.maximum(np.median(green) - green - 0.4 * np.ptp(green), 0.0)
    y, x = np.mgrid[
        rows.start : rows.start + len(green), columns.start : columns.start + green.shape[1]
    ]
    return Point(
        float((dark * (x + 0.5)).sum() / dark.sum()), float((dark * (y + 0.5)).sum() / dark.sum())
    )


@pytest.mark.slow
def test_the_detector_finds_every_mole_and_nothing_else() -> None:
    """Each within a pixel of its centre; plain texture is no spot."""
    spots = spots_of(Photo.of(picture()), (), 30)
    assert len(spots) == len(CENTRES)
    for x, y in CENTRES:
        assert min(spot.point.distance_to(Point(x + 0.5, y + 0.5)) for spot in spots) < 1.5


def test_lines_and_edges_are_no_spots() -> None:
    """A hair, the edge of a shadow and the edge of the mask have high contrast, too."""
    pixels = with_moles(np.full((HEIGHT, WIDTH, 3), 170, dtype=np.uint8), [(350, 100)], 3.0)
    pixels[300:303, 50:600] = 60
    pixels[:, 620:] = 90
    mask = np.ones((HEIGHT, WIDTH), dtype=bool)
    mask[400:] = False
    pixels[400:] = 30
    (spot,) = spots_of(Photo.of(pixels, mask), (), 30)
    assert spot.point.distance_to(Point(350.5, 100.5)) < 1.5


@pytest.mark.slow
def test_marks_come_first_and_keep_spots_at_a_distance() -> None:
    """A mark on a mole is not found again, and the strongest spots fill up the number."""
    photo = Photo.of(picture())
    marks = [Point(111.7, 90.2), Point(650.5, 20.5)]
    spots = spots_of(photo, marks, 6)
    assert [spot.point for spot in spots[:2]] == [Point(111.5, 90.5), Point(650.5, 20.5)]
    assert len(spots) == 6
    least = APART * WIDTH
    for spot in spots[2:]:
        assert all(spot is other or spot.point.distance_to(other.point) >= least for other in spots)
    assert spots_of(photo, marks, 0) == spots[:2]


def test_a_mark_outside_the_skin_is_left_out() -> None:
    """It could not be seen in any view."""
    mask: Mask = np.ones((HEIGHT, WIDTH), dtype=bool)
    mask[:, 600:] = False
    marks = [Point(650.0, 50.0), Point(-3.0, 5.0), Point(20.0, 30.0)]
    assert [spot.point for spot in spots_of(Photo.of(picture(), mask), marks, 0)] == [
        Point(20.5, 30.5)
    ]


@pytest.mark.slow
def test_uuids_depend_on_the_photo_and_the_place() -> None:
    """The same spot of the same photo has the same uuid in each run, and no other has it."""
    one, again, other = (spots_of(Photo.of(picture(seed)), (), 30) for seed in (0, 0, 1))
    assert one == again
    assert len({spot.uuid for spot in (*one, *other)}) == len(one) + len(other)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", LEVELS)
def test_truth_lies_on_the_spots(level: LevelName, seed: int) -> None:
    """In the warped pixels each mole is found within a pixel of its true position."""
    options = WarpOptions(level, absent=0.0, seed=seed, scale=1.0 if level == "strong" else None)
    first, second = views(Photo.of(picture()), options)
    assert len(second.photo.moles) >= 4
    for photo in (first.photo, second.photo):
        for mole in photo.moles:
            place = Point(mole.x, mole.y)
            assert darkest(photo.pixels, place).distance_to(place) < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_absent_spots_have_gone(seed: int) -> None:
    """Where one was painted out no dark spot is left, and the others are still there."""
    options = WarpOptions("mild", absent=0.5, seed=seed)
    _, second = views(Photo.of(picture()), options)
    photo = Photo.of(second.photo.pixels, second.photo.mask)
    assert len(second.photo.absent) >= 3
    for mole in second.photo.absent:
        assert not has_blob(photo, Point(mole.x, mole.y))
    for mole in second.photo.moles:
        assert has_blob(photo, Point(mole.x, mole.y))


@pytest.mark.slow
def test_painted_skin_has_the_grain_of_its_surroundings() -> None:
    """A smooth patch would be a mark of its own."""
    rng = np.random.default_rng(5)
    grainy = np.clip(picture() + rng.normal(0, 6, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8)
    options = WarpOptions("mild", absent=0.5, rotation=0.0, scale=1.0)
    _, second = views(Photo.of(grainy), options)
    assert second.photo.absent
    for mole in second.photo.absent:
        x, y = int(mole.x), int(mole.y)
        green = second.photo.pixels[y - 12 : y + 13, x - 12 : x + 13, 1].astype(float)
        assert green[9:16, 9:16].std() > 0.7 * green[:, :4].std()


@pytest.mark.slow
def test_the_map_is_the_truth() -> None:
    """The warp that comes with a view maps each mole of the photo to its place there."""
    first, second = views(Photo.of(picture()), WarpOptions("strong", absent=0.3))
    assert second.warp is not None
    before, after = positions(first.photo), positions(second.photo)
    for uuid, place in after.items():
        mapped = second.warp.to_target(np.array([before[uuid].x, before[uuid].y]))
        assert mapped == pytest.approx([place.x, place.y])


def test_the_mask_is_warped_and_false_where_nothing_is_shown() -> None:
    """A view of half the size is grey and invalid around the photo, and valid inside its mask."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:, : WIDTH // 2] = True
    options = WarpOptions("mild", scale=0.5, rotation=0.0, absent=0.0)
    _, second = views(Photo.of(picture(), mask), options)
    assert second.photo.mask.mean() == pytest.approx(1 / 8, rel=0.15)
    corner = second.photo.pixels[:20, :20].astype(float)
    assert abs(corner.mean() - 128) < 12


def test_in_a_mirrored_view_every_spot_is_absent() -> None:
    """No skin of the photo has the same arrangement there."""
    _, second = views(Photo.of(picture()), WarpOptions("mild", mirrored=True))
    assert not second.photo.moles
    assert second.photo.absent


def test_a_close_up_is_taken_from_the_original() -> None:
    """A photo that is scaled down to a quarter has close-ups of a quarter at its full size."""
    photo = Photo.of(picture())
    options = WarpOptions("mild", closeup=4, megapixels=WIDTH * HEIGHT / 4e6, absent=0.0)
    first, second = views(photo, options)
    assert first.photo.pixels.shape[1] == pytest.approx(WIDTH / 2, abs=2)
    assert second.photo.pixels.shape == first.photo.pixels.shape
    assert second.photo.moles


def test_a_photo_without_spots_is_an_error_with_advice() -> None:
    """There would be nothing to search."""
    with pytest.raises(MelError, match="mark moles"):
        next(warped_views(Photo.of(np.full((90, 120, 3), 150, np.uint8), name="plain.jpg")))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("scale", 5.0),
        ("closeup", 0.5),
        ("absent", 2.0),
        ("megapixels", 0),
        ("sessions", 0),
        ("seed", -1),
    ],
)
def test_a_setting_out_of_range_is_named(setting: str, value: float) -> None:
    """The message has the setting, the value and the range."""
    with pytest.raises(ValueError, match=f"{setting} is {value}; it should"):
        WarpOptions(**{setting: value})  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_same_photo_twice_is_refused(tmp_path: Path) -> None:
    """Its moles would be in two parts."""
    one, copy = (save(picture(), tmp_path / name) for name in ("one.png", "copy.png"))
    with pytest.raises(UsageError, match="same photo"):
        plan_from_photos(tmp_path / "new", [one, copy], WarpOptions())


@pytest.mark.slow
def test_changes_do_not_depend_on_the_other_photos(tmp_path: Path) -> None:
    """Adding a photo changes nothing about the first one's views."""
    photos = [save(picture(seed), tmp_path / f"{seed}.png") for seed in (0, 1)]
    mark(photos[0], ("ab" * 16, 110, 90))
    for name, given in (("alone", photos[:1]), ("both", photos)):
        for part in plan_from_photos(tmp_path / name, given, WarpOptions(sessions=3)):
            part.write()
    alone, both = (
        [path.read_bytes() for path in sorted((tmp_path / name).rglob("Photo1/*/0.*"))]
        for name in ("alone", "both")
    )
    assert len(alone) == 12
    assert alone == both
