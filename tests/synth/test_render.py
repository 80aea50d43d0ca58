"""Laws of rendered photos: exact truth, correct masks, the same bytes every time."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from mel_debug.synth import (
    Body,
    Form,
    Light,
    Mole,
    Optics,
    RenderedPhoto,
    Shot,
    Skin,
    plan_pair,
    render,
)
from mel_debug.synth.colour import skin_lab
from mel_debug.synth.shadows import Cast
from mel_debug.synth.texture import skin_tiles
from tolerance import assert_same_picture

pytestmark = pytest.mark.slow

BACK = Form(170.0, 95.0, taper=-0.15, waist=0.08, bow_depth=25.0, groove=2.0, blades=4.0)
SKIN = Skin(skin_lab(45.0), seed=5, freckles=0.1, hairs=0.1)
CLEAN = Optics(blur=0.0, noise=0.0)
PLAIN = Shot(360, 480, BACK, 4.0, optics=CLEAN)
VIEWS = {
    "straight": PLAIN,
    "turned": replace(PLAIN, roll=137.0),
    "aslant": replace(PLAIN, yaw=35.0, pitch=-25.0, distance=350.0),
    "bent": replace(PLAIN, form=replace(BACK, half_depth=140.0, bow_side=40.0), aim_u=90.0),
    "near": replace(PLAIN, pixels_per_mm=9.0, roll=-60.0),
    "striped": replace(PLAIN, light=Light(key=0.8, stripes=0.7, stripe_mm=90.0)),
    "grazing": replace(PLAIN, yaw=-58.0, pitch=12.0),
    "shaded": replace(PLAIN, light=Light(casts=(Cast("blinds", 4, edge_mm=20.0, shade=0.4),))),
    "blurred": replace(PLAIN, optics=Optics(blur=2.5, noise=0.0)),
}


def lone_mole(*, irregularity: float = 0.4, **changes: float) -> Mole:
    """A mole off the middle, there in the first of two sessions and gone in the second."""
    mole = Mole(
        uuid="ab" * 16,
        u=6.0,
        v=-9.0,
        diameter=5.0,
        melanin=0.8,
        aspect=1.4,
        angle=0.7,
        irregularity=irregularity,
        softness=0.3,
        present=(True, False),
        growth=(1.0, 1.0),
        seed=3,
    )
    return replace(mole, **changes)  # type: ignore[arg-type]


def offset_to_aim(mole: Mole, shot: Shot) -> Mole:
    """The mole moved along with the point the camera looks at."""
    return replace(mole, u=mole.u + shot.aim_u, v=mole.v + shot.aim_v)


def own_pixels(
    body: Body, shot: Shot, uuid: str
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How much each pixel (H, W) changes for one mole."""
    whole = render(body, shot).pixels.astype(np.float64)
    less = render(body, shot, hidden=frozenset([uuid])).pixels
    return np.asarray(np.abs(whole - less).sum(axis=2))


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("irregularity", [0.1, 0.9])
def test_a_mole_is_painted_at_its_true_position(name: str, irregularity: float) -> None:
    """The centre of the pixels a mole changes is within half a pixel of its true place."""
    shot = VIEWS[name]
    body = Body(SKIN, (offset_to_aim(lone_mole(irregularity=irregularity), shot),), 2)
    change = own_pixels(body, shot, "ab" * 16)
    (seen,) = render(body, shot).moles
    rows, columns = np.indices(change.shape) + 0.5
    centre = (columns * change).sum() / change.sum(), (rows * change).sum() / change.sum()
    assert np.hypot(centre[0] - seen.x, centre[1] - seen.y) < 0.5


@pytest.mark.parametrize("diameter", [3.0, 6.0, 9.0])
def test_a_mole_covers_the_area_of_its_diameter(diameter: float) -> None:
    """Half of its full change and more is as much area as a disc of the diameter asked for."""
    shot = replace(PLAIN, pixels_per_mm=8.0)
    mole = replace(lone_mole(irregularity=0.1), diameter=diameter, softness=0.05)
    change = own_pixels(Body(SKIN, (mole,), 2), shot, mole.uuid)
    area = (change > 0.5 * np.percentile(change[change > 5], 80)).sum()
    assert 2 * np.sqrt(area / np.pi) == pytest.approx(diameter * 8.0, rel=0.12)


def test_a_mole_grows_by_its_factor() -> None:
    """A mole of twice the diameter covers about four times the area."""
    mole = replace(lone_mole(), present=(True, True), growth=(1.0, 2.0))
    body = Body(SKIN, (mole,), 2)
    bare = render(body, PLAIN, hidden=frozenset([mole.uuid])).pixels.astype(int)
    areas = [
        (np.abs(render(body, PLAIN, day).pixels - bare).sum(axis=2) > 20).sum() for day in (0, 1)
    ]
    assert 3.0 < areas[1] / areas[0] < 5.0


def test_an_absent_mole_is_listed_and_not_painted() -> None:
    """In such a session the photo equals that of a body without the mole."""
    body = Body(SKIN, (lone_mole(),), 2)
    there, gone = render(body, PLAIN, 0), render(body, PLAIN, 1)
    never = render(Body(SKIN, (), 2), PLAIN, 1)
    assert [seen.uuid for seen in there.moles] == ["ab" * 16]
    assert there.absent == gone.moles == ()
    for absent, mole in zip(gone.absent, there.moles, strict=True):
        assert absent.uuid == mole.uuid
        assert (absent.x, absent.y) == pytest.approx((mole.x, mole.y))
    assert_same_picture(gone.pixels, never.pixels, levels=0.01)
    assert not np.array_equal(there.pixels, never.pixels)


def test_a_mole_out_of_view_is_neither_visible_nor_absent() -> None:
    """A mole round the side, or outside the picture, is not part of the truth."""
    side = replace(lone_mole(), uuid="cd" * 16, u=230.0)
    above = replace(lone_mole(), uuid="ef" * 16, v=-150.0)
    photo = render(Body(SKIN, (side, above), 2), PLAIN)
    assert photo.moles == photo.absent == ()


@pytest.fixture(scope="module")
def photos() -> tuple[RenderedPhoto, ...]:
    """Photos of a few planned pairs."""
    taken = []
    for seed in (1, 2):
        body, first, second = plan_pair(seed, megapixels=0.2, moles=8, difficulty=0.8)
        taken += [render(body, first, 0), render(body, second, 1)]
    return tuple(taken)


def test_the_mask_is_true_where_moles_are(photos: tuple[RenderedPhoto, ...]) -> None:
    """Every mole of the truth lies on skin that the mask keeps."""
    for photo in photos:
        assert photo.moles
        assert all(photo.mask[int(y), int(x)] for _, x, y in photo.moles + photo.absent)


def test_the_mask_excludes_clothes_and_background(photos: tuple[RenderedPhoto, ...]) -> None:
    """Clothes or the room are in most pictures, and skin in all."""
    shares = [photo.mask.mean() for photo in photos]
    assert min(shares) > 0.1
    assert min(shares) < 0.98


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Planning, rendering and encoding again with empty caches changes no byte."""
    files = []
    for _ in range(2):
        skin_tiles.cache_clear()
        body, first, second = plan_pair(11, megapixels=0.1, moles=4)
        for session, shot in enumerate((first, second)):
            photo = render(body, shot, session)
            files.append((photo.jpeg(), photo.mask.tobytes(), photo.moles))
    assert files[:2] == files[2:]


def test_another_seed_gives_another_picture() -> None:
    """Two seeds do not share their pixels."""
    one, other = (render(*plan_pair(seed, megapixels=0.05, moles=2)[:2]) for seed in (11, 1))
    assert one.jpeg() != other.jpeg()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_once_its_exif_rotation_is_applied(orientation: int) -> None:
    """Whatever turn the file is stored with, it is shown as rendered."""
    shot = replace(PLAIN, width=120, height=160, optics=Optics(orientation=orientation))
    photo = render(Body(SKIN, (), 1), replace(shot, roll=30.0, yaw=40.0, pixels_per_mm=0.5))
    with Image.open(io.BytesIO(photo.jpeg())) as picture:
        assert picture.getexif().get(0x0112) == orientation
        shown = np.asarray(ImageOps.exif_transpose(picture)).astype(float)
    assert shown.shape == photo.pixels.shape
    assert np.abs(shown - photo.pixels).mean() < 6.0


def test_light_skin_is_brighter_than_dark_in_the_same_light() -> None:
    """The tone asked for is the tone seen, over the whole range."""
    levels = []
    for typology in (60.0, 30.0, 0.0, -30.0, -55.0):
        body = Body(replace(SKIN, lab=skin_lab(typology)), ())
        levels.append(render(body, replace(PLAIN, width=60, height=80)).pixels.mean())
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > 1.8 * levels[-1]


def test_an_unknown_session_is_refused() -> None:
    """The message names the session and how many there are."""
    with pytest.raises(ValueError, match=r"session 2 .* 2"):
        render(Body(SKIN, (lone_mole(),), 2), PLAIN, 2)
