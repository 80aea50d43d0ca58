"""Spots in two photos with a known map: what is new, and where it cannot tell."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from mel_debug.changes.evidence import Evidence
from mel_debug.changes.new_spots import SURE, UNLIKELY, doubt_of_colour, may_pass, probability_new
from mel_debug.changes.overlay import Overlay
from mel_debug.changes.peaks import Spot, is_lobe
from mel_debug.core.geometry import Point
from mel_debug.core.photo import Photo
from mel_debug.core.types import Mask
from painted import RED, Disc, Shifted, painted

COMMON = [
    Disc(60 + 90 * column + 13 * row, 50 + 85 * row, 11 + 2 * ((column + row) % 4), 0.45)
    for row in range(4)
    for column in range(6)
]
NEW = Disc(330.0, 190.0, 16.0, 0.5)


def photo_of(discs: Iterable[Disc], seed: int = 0, mask: Mask | None = None) -> Photo:
    return Photo.of(painted(640, 400, list(discs), seed=seed), mask)


def evidence_at(overlay: Overlay, disc: Disc) -> Evidence:
    return overlay.evidence(overlay.spot_at(Point(disc.x, disc.y)))


def news(target: Photo, reference: Photo) -> list[Point]:
    """The places of spots that are new in the target."""
    overlay = Overlay(target, reference, Shifted())
    found = []
    for spot in overlay.spots:
        evidence = overlay.evidence(spot)
        if evidence.obstacle is None and probability_new(evidence) >= SURE:
            found.append(overlay.point(spot))
    return found


@pytest.mark.slow
def test_a_photo_compared_with_itself_shows_nothing_new() -> None:
    """Not even an unlikely one."""
    photo = photo_of(COMMON)
    overlay = Overlay(photo, photo, Shifted())
    assert len(overlay.spots) >= len(COMMON)
    for spot in overlay.spots:
        evidence = overlay.evidence(spot)
        assert evidence.obstacle is not None or probability_new(evidence) < UNLIKELY


@pytest.mark.slow
def test_a_spot_that_was_not_there_is_new_and_swapped_it_is_not() -> None:
    """Of two photos, only the later one has it; the same map read backwards finds nothing new."""
    before, after = photo_of(COMMON), photo_of([*COMMON, NEW], seed=1)
    (found,) = news(after, before)
    assert found.distance_to(Point(NEW.x, NEW.y)) < 3
    assert news(before, after) == []


@pytest.mark.slow
def test_a_spot_that_grew_or_darkened_is_not_new() -> None:
    """It was there, if paler."""
    paler = Disc(NEW.x, NEW.y, NEW.diameter * 0.8, NEW.depth * 0.7)
    assert news(photo_of([*COMMON, NEW], seed=1), photo_of([*COMMON, paler])) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [("mask", "out of view"), ("glare", "glare"), ("map", "map"), ("strangers", "vouch")],
)
def test_what_can_not_be_told_has_a_reason(obstacle: str, reason: str) -> None:
    """A place that the other photo does not show well is neither new nor known."""
    mask = np.ones((400, 640), dtype=bool)
    discs = COMMON
    std = 0.5
    if obstacle == "mask":
        mask[170:210, 310:350] = False
    elif obstacle == "strangers":
        discs = [Disc(disc.x + 31, disc.y + 29, disc.diameter, disc.depth) for disc in COMMON]
    elif obstacle == "map":
        std = 100.0
    before = photo_of(discs, mask=mask)
    if obstacle == "glare":
        pixels = before.pixels.copy()
        pixels[180:200, 320:340] = 255
        before = Photo.of(pixels)
    overlay = Overlay(photo_of([*COMMON, NEW], seed=1), before, Shifted(std=std))
    found = evidence_at(overlay, NEW)
    assert found.obstacle is not None
    assert reason in found.obstacle


@pytest.mark.slow
def test_hairs_around_a_mole_do_not_outvote_the_moles_farther_away() -> None:
    """Hair lies otherwise each day; strong spots that stay vouch for the map."""
    turns = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    hairs = [Disc(NEW.x + 30 * np.cos(t), NEW.y + 30 * np.sin(t), 7, 0.16) for t in turns]
    overlay = Overlay(photo_of([*COMMON, NEW, *hairs], seed=1), photo_of(COMMON), Shifted())
    found = evidence_at(overlay, NEW)
    assert found.vouching == 0
    assert found.obstacle is None
    assert probability_new(found) >= SURE


@pytest.mark.slow
def test_a_spot_beside_which_another_has_gone_may_be_that_one() -> None:
    """Where the map is off, a known spot looks like a new one beside a gone one."""
    here, there = (Disc(NEW.x + shift, NEW.y, 5.5, 0.6) for shift in (0.0, 7.0))
    before, after = photo_of([*COMMON, there]), photo_of([*COMMON, here], seed=1)
    assert evidence_at(Overlay(after, before, Shifted()), here).beside
    before, after = photo_of(COMMON), photo_of([*COMMON, NEW], seed=1)
    assert not evidence_at(Overlay(after, before, Shifted()), NEW).beside


@pytest.mark.slow
def test_blood_is_told_from_melanin() -> None:
    """A pimple absorbs little red; only a dark one may be a mole."""
    pimple = Disc(NEW.x, NEW.y, NEW.diameter, 0.3, RED)
    before = photo_of(COMMON)
    red = evidence_at(Overlay(photo_of([*COMMON, pimple]), before, Shifted()), pimple)
    brown = evidence_at(Overlay(photo_of([*COMMON, NEW]), before, Shifted()), NEW)
    assert red.hue < brown.hue
    assert may_pass(red, NEW.diameter)
    assert not may_pass(brown, NEW.diameter)


@pytest.mark.slow
def test_a_dark_red_spot_is_no_pimple() -> None:
    """Blood alone is pale in a photo: half as dark as the skin takes pigment."""
    dark = Disc(NEW.x, NEW.y, NEW.diameter, 0.5, RED)
    found = evidence_at(Overlay(photo_of([*COMMON, dark]), photo_of(COMMON), Shifted()), dark)
    assert not may_pass(found, NEW.diameter)
    assert doubt_of_colour(found, NEW.diameter) is None


def test_a_small_spot_must_be_clearly_brown() -> None:
    """A few pixels show little of a colour, and most small new spots are pimples."""
    brownish = Evidence(own=0.12, other=0.01, vouching=1.0, hue=0.8, sigma=2.5, std=1.0)
    brown = replace(brownish, own=0.2)
    assert doubt_of_colour(brownish, 12.0) is None
    doubt = doubt_of_colour(brownish, 8.5)
    assert doubt is not None
    assert "small" in doubt
    assert doubt_of_colour(brown, 8.5) is None


@pytest.mark.slow
def test_a_shifted_photo_is_drawn_into_the_frame() -> None:
    """The map leads to the place in the other photo's own pixels."""
    moved = [Disc(disc.x + 20, disc.y - 7, disc.diameter, disc.depth) for disc in COMMON]
    overlay = Overlay(photo_of(COMMON), photo_of(moved), Shifted(20, -7))
    first = COMMON[8]
    spot = overlay.spot_at(Point(first.x, first.y))
    assert overlay.other_point(spot).distance_to(Point(first.x + 20, first.y - 7)) < 2
    assert overlay.evidence(spot).share > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("diameter", [4, 22])
def test_a_hair_and_a_strap_are_no_spots(diameter: int) -> None:
    """Lines are left out."""
    line = [
        Disc(100 + step, 300 - step / 2, diameter, 0.5) for step in range(0, 300, diameter // 2)
    ]
    overlay = Overlay(photo_of([]), photo_of([]), Shifted())
    lined = Overlay(photo_of(line), photo_of([]), Shifted())
    strong = [spot for spot in lined.spots if spot.response > 0.1]
    ends = 2  # which are round
    assert len(strong) <= len([s for s in overlay.spots if s.response > 0.1]) + ends


@pytest.mark.slow
def test_a_long_mole_is_one_spot() -> None:
    """Twice as long as wide, at an angle."""
    mole = [Disc(NEW.x + step, NEW.y + step / 2, 12, 0.25) for step in (-6, -3, 0, 3, 6)]
    overlay = Overlay(photo_of(mole), photo_of([]), Shifted())
    strong = [spot for spot in overlay.spots if spot.response > 0.1]
    (found,) = (overlay.point(spot) for spot in strong)
    assert found.distance_to(Point(NEW.x, NEW.y)) < 3


@pytest.mark.slow
@pytest.mark.parametrize("angle", [0.0, 0.6, 1.2, 2.2])
def test_a_mole_three_times_as_long_as_wide_is_one_spot(angle: float) -> None:
    """It ends on both sides, which no hair or strap does."""
    along = np.array([np.cos(angle), np.sin(angle)])
    mole = [
        Disc(
            NEW.x + step * along[0],
            NEW.y + step * along[1],
            14 * (1 - (step / 20) ** 2) ** 0.5,
            0.1,
        )
        for step in range(-16, 17, 2)
    ]
    overlay = Overlay(photo_of(mole), photo_of([]), Shifted())
    strong = [spot for spot in overlay.spots if spot.response > 0.1]
    (found,) = (overlay.point(spot) for spot in strong)
    assert found.distance_to(Point(NEW.x, NEW.y)) < 4


@pytest.mark.slow
def test_a_dark_dot_does_not_hide_the_pale_mole_it_is_on() -> None:
    """Both are spots."""
    mole, dot = Disc(NEW.x, NEW.y, 50, 0.2), Disc(NEW.x + 12, NEW.y, 5, 0.9)
    overlay = Overlay(photo_of([mole, dot]), photo_of([]), Shifted())
    for disc in (mole, dot):
        near = [
            spot
            for spot in overlay.spots
            if overlay.point(spot).distance_to(Point(disc.x, disc.y)) < 4
        ]
        assert [s for s in near if 0.7 < overlay.diameter(s) / disc.diameter < 1.4]


def test_only_a_smaller_and_paler_spot_that_touches_another_is_a_part_of_it() -> None:
    """Neither of two is a part of the other if they are alike, or far apart."""
    whole = Spot(100.0, 100.0, 8, 0.3)
    assert is_lobe(Spot(120.0, 110.0, 3, 0.15), whole)
    assert not is_lobe(whole, Spot(120.0, 110.0, 3, 0.15))
    assert not is_lobe(Spot(120.0, 110.0, 8, 0.15), whole)
    assert not is_lobe(Spot(120.0, 110.0, 3, 0.4), whole)
    assert not is_lobe(Spot(140.0, 110.0, 3, 0.15), whole)


@pytest.mark.slow
def test_what_has_gone_at_the_rim_of_a_new_mole_is_not_that_mole() -> None:
    """Where the neighbours vouch for the map, a pimple a few pixels away is not the mole."""
    mole, pimple = Disc(NEW.x, NEW.y, 26, 0.4), Disc(NEW.x + 9, NEW.y, 9, 0.5, RED)
    overlay = Overlay(photo_of([*COMMON, mole], seed=1), photo_of([*COMMON, pimple]), Shifted())
    found = evidence_at(overlay, mole)
    assert found.obstacle is None
    assert probability_new(found) >= SURE


def probability(own: float, other: float) -> float:
    """That of a brown spot with these responses."""
    return probability_new(Evidence(own, other, vouching=1.0, hue=1.0, sigma=5.0, std=1.0))


def test_a_pale_spot_of_which_the_other_photo_shows_a_tenth_is_new() -> None:
    """So much does bare skin show within the radius that is searched."""
    assert probability(0.11, 0.011) >= SURE
    assert probability(0.11, 0.011) == pytest.approx(probability(0.1, 0.001), abs=0.1)


def test_a_spot_of_which_the_other_photo_shows_a_third_is_listed_as_not_sure() -> None:
    """Something may have gone where a mole came. A freckle that darkened is left out."""
    assert UNLIKELY <= probability(0.13, 0.04) < SURE
    assert probability(0.13, 0.09) < UNLIKELY


@pytest.mark.slow
def test_what_the_other_photo_covers_is_not_new() -> None:
    """A strap over the place of a spot hides it."""
    strap = [Disc(NEW.x, step, 110, 0.6) for step in range(0, 400, 35)]
    found = evidence_at(
        Overlay(photo_of([*COMMON, NEW]), photo_of([*COMMON, *strap]), Shifted()), NEW
    )
    assert found.obstacle is not None
    assert "covered" in found.obstacle


@pytest.mark.slow
def test_grey_is_not_the_colour_of_a_mole() -> None:
    """Shade, cloth and hair absorb as much red as green."""
    grey = Disc(NEW.x, NEW.y, NEW.diameter, NEW.depth, (1.0, 1.0, 1.0))
    for disc, doubted in ((grey, True), (NEW, False)):
        evidence = evidence_at(
            Overlay(photo_of([*COMMON, disc]), photo_of(COMMON), Shifted()), disc
        )
        assert (doubt_of_colour(evidence, NEW.diameter) is not None) is doubted


@pytest.mark.slow
def test_a_spot_that_both_photos_show_is_known_whatever_is_in_the_way() -> None:
    """Glare beside it, or the edge of the skin."""
    pixels = photo_of([*COMMON, NEW]).pixels.copy()
    pixels[200:206, 320:340] = 255
    mask = np.ones((400, 640), dtype=bool)
    mask[:, 342:] = False
    for photo in (Photo.of(pixels), Photo.of(pixels, mask)):
        found = evidence_at(Overlay(photo, photo, Shifted()), NEW)
        assert found.obstacle is not None
        assert found.shown
