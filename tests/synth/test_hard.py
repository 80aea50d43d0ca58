"""Laws of hard photos: the truth holds, and each case shows what it is named for."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from mel_debug.synth import Body, Shot, mole_positions, plan_pair, plan_sessions, render
from mel_debug.synth.cases import CASES
from mel_debug.synth.light import light_on
from mel_debug.synth.tube import Hits, camera, project, surface, unit, unproject

Floats = NDArray[np.float64]

SMALL = 0.3


def uuids_in(body: Body, shot: Shot) -> set[str]:
    return {place.uuid for place in mole_positions(body, shot)}


def area(shot: Shot) -> float:
    """The area that the picture covers at the point it looks at, in square millimetres."""
    return shot.width * shot.height / shot.pixels_per_mm**2


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_moles_are_in_view_of_both_shots_in_every_case(case: str) -> None:
    """At least six moles are, and of those some are gone and most are not."""
    for seed in range(3):
        body, first, second = plan_pair(seed, megapixels=SMALL, moles=14, case=case)
        common = uuids_in(body, first) & uuids_in(body, second)
        assert len(common) >= 6
        histories = [mole.present for mole in body.moles if mole.uuid in common]
        assert 0 < histories.count((True, False)) < len(common) / 2
        assert len(body.moles) == 14


@pytest.mark.parametrize(
    ("case", "share"), [("closeup4", 1 / 4), ("closeup16", 1 / 16), ("half", 4), ("triple", 1 / 9)]
)
def test_a_change_of_size_shows_its_share_of_the_area(case: str, share: float) -> None:
    """In either role: the first photo or the second is the changed one."""
    ratios = []
    for seed in range(12):
        _, first, second = plan_pair(seed, megapixels=SMALL, moles=0, case=case)
        ratios.append(area(second) / area(first))
    assert {round(ratio, 6) for ratio in ratios} == {round(share, 6), round(1 / share, 6)}


def test_a_close_up_leaves_moles_out_of_view() -> None:
    """They are in the other photo, and the close-up lists them neither as present nor absent."""
    body, first, second = plan_pair(3, megapixels=SMALL, moles=20, case="closeup16")
    near = max((first, second), key=lambda shot: shot.pixels_per_mm)
    listed = uuids_in(body, near)
    outside = {mole.uuid for mole in body.moles} - listed
    assert outside
    assert outside <= uuids_in(body, second if near is first else first)
    x, y, _ = project(near, *(np.array([getattr(m, k) for m in body.moles]) for k in "uv"))
    inside = (x > 0) & (y > 0) & (x < near.width) & (y < near.height)
    assert all(inside[i] for i, mole in enumerate(body.moles) if mole.uuid in listed)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["shadows", "glare", "grazing", "closeup4", "half", "hair"])
def test_marks_lie_on_their_moles(case: str) -> None:
    """A mark is darker than without moles, and the place of a gone mole is not."""
    body, *shots = plan_pair(4, megapixels=SMALL, moles=12, case=case)
    hidden = frozenset(mole.uuid for mole in body.moles)
    for session, noisy in enumerate(shots):
        shot = replace(noisy, optics=replace(noisy.optics, noise=0.0))
        whole, bare = render(body, shot, session), render(body, shot, session, hidden=hidden)
        change = bare.pixels.mean(axis=2) - whole.pixels.mean(axis=2)
        assert len(whole.moles) >= 6
        for _, x, y in whole.moles:
            assert change[int(y), int(x)] > 3.0
        for gone in whole.absent:
            alone = all(math.dist(gone[1:], mole[1:]) > 25 for mole in whole.moles)
            assert not alone or abs(change[int(gone.y), int(gone.x)]) < 1.0


@pytest.mark.slow
def test_all_moles_of_the_truth_are_on_bare_skin() -> None:
    """The mask keeps every present and absent mole of hard photos."""
    for seed in (1, 2):
        body, *shots = plan_pair(seed, megapixels=SMALL, moles=10, hard=True)
        for session, shot in enumerate(shots):
            photo = render(body, shot, session)
            assert all(photo.mask[int(y), int(x)] for _, x, y in photo.moles + photo.absent)


def light_share(shot: Shot, u: Floats, v: Floats) -> Floats:
    """The light at surface points as a share of that without cast shadows."""
    points = surface(shot.form, u, v)
    rays = unit(points - camera(shot).centre[:, None])
    hits = Hits(points, u, v, np.full_like(u, -1.0), rays)
    bare = replace(shot, light=replace(shot.light, casts=()))
    share: Floats = np.exp(light_on(shot, hits).log_light[1] - light_on(bare, hits).log_light[1])
    return share


def test_shadows_move_between_sessions() -> None:
    """The same skin is in the shade in one photo and in the light in the other."""
    changes = []
    for seed in range(8):
        _, first, second = plan_pair(seed, megapixels=SMALL, moles=0, case="shadows")
        assert first.light.casts != second.light.casts
        x, y = np.meshgrid(np.linspace(20, first.width - 20, 25), np.linspace(20, 600, 25))
        hits = unproject(first, x.ravel(), y.ravel())
        on = hits.outside < -0.05
        u, v = hits.u[on], hits.v[on]
        changes.append((np.abs(light_share(first, u, v) - light_share(second, u, v)) > 0.15).mean())
    assert np.median(changes) > 0.15


@pytest.mark.slow
def test_grazing_views_show_marked_skin_at_an_angle() -> None:
    """Moles are seen at over 45 degrees in one of the photos."""
    steepest = []
    for seed in range(5):
        body, *shots = plan_pair(seed, megapixels=SMALL, moles=12, case="grazing")
        assert max(max(abs(shot.yaw), abs(shot.pitch)) for shot in shots) > 30.0
        u, v = (np.array([getattr(mole, k) for mole in body.moles]) for k in "uv")
        facing = [project(shot, u, v)[2] for shot in shots]
        steepest.append(np.min(facing, axis=0).min())
    assert np.median(steepest) < math.cos(math.radians(45.0))
    assert min(steepest) > 0.0


@pytest.mark.slow
def test_a_freckle_is_near_a_gone_mole() -> None:
    """It is 1.5 to 8 mm away (two diameters for a large mole), and overlaps no marked mole."""
    gone = near = 0
    for seed in range(6):
        body, _, _ = plan_pair(seed, megapixels=SMALL, moles=14, case="gone")
        for mole in body.moles:
            distances = [math.hypot(s.u - mole.u, s.v - mole.v) for s in body.unmarked]
            reach = [0.7 * (s.diameter + mole.diameter) for s in body.unmarked]
            assert all(far > least for far, least in zip(distances, reach, strict=True))
            if mole.present == (True, False):
                gone += 1
                near += any(1.5 <= far <= max(8.0, 2.0 * mole.diameter) for far in distances)
        assert all(all(spot.present) for spot in body.unmarked)
    assert near >= 0.8 * gone > 0


@pytest.mark.slow
def test_freckles_are_many_and_look_like_moles() -> None:
    """Dozens of unmarked spots, which the picture shows and the truth does not."""
    body, first, _ = plan_pair(2, megapixels=SMALL, moles=10, case="freckles")
    assert len(body.unmarked) > 24
    photo = render(body, first)
    bare = render(replace(body, unmarked=()), first)
    assert not np.array_equal(photo.pixels, bare.pixels)
    assert photo.moles == bare.moles


@pytest.mark.slow
def test_the_same_seed_plans_the_same_hard_pair() -> None:
    """And another seed, or none of the difficulties, plans another."""
    plan = plan_pair(6, megapixels=SMALL, moles=10, hard=True)
    assert plan == plan_pair(6, megapixels=SMALL, moles=10, hard=True)
    assert plan != plan_pair(7, megapixels=SMALL, moles=10, hard=True)
    assert plan != plan_pair(6, megapixels=SMALL, moles=10)


def test_parts_take_cases_in_turn() -> None:
    """Three parts with two cases: the third has the first again, in all its sessions."""
    parts = plan_sessions(
        5, photos=3, sessions=3, moles=0, megapixels=SMALL, cases=("closeup16", "half")
    )
    ratios = [
        max(area(shot) for shot in part.shots) / min(area(shot) for shot in part.shots)
        for part in parts
    ]
    assert min(ratios[0], ratios[2]) >= 15.9
    assert 4.0 <= ratios[1] < 15.9


def test_an_unknown_case_is_refused() -> None:
    """The message lists the cases there are."""
    with pytest.raises(ValueError, match="'fog'; it should be one of grazing"):
        plan_pair(0, case="fog")


@pytest.mark.slow
def test_too_many_moles_for_a_hard_pair_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has advice, and the search for room ends."""
    monkeypatch.setattr("mel_debug.synth.crowd._PATIENCE", 1)
    with pytest.raises(ValueError, match="fewer moles"):
        plan_pair(0, moles=100, megapixels=SMALL, hard=True)


ORDINARY = (  # mean level of 12 areas of two photos, and where the moles are, before `hard` existed
    ((96.8, 97.9, 100.9, 127.5, 129.4, 121.5, 127.2, 127.8, 120.5, 103.0, 87.9, 78.3),
     {"ecdd": (62.12, 117.45), "aa23": (35.77, 86.2), "441a": (61.18, 89.68),
      "d05e": (165.21, 75.88)}),
    ((167.6, 169.8, 169.6, 139.4, 125.5, 124.8, 124.9, 124.4, 122.7, 120.3, 121.2, 125.7),
     {"ecdd": (54.4, 115.89), "441a": (60.37, 82.7), "d05e": (190.4, 95.81)}),
)  # fmt: skip


@pytest.mark.slow
def test_ordinary_photos_are_as_before() -> None:
    """A seed without `hard` shows the picture and the moles that it always did."""
    body, *shots = plan_pair(5, megapixels=0.05, moles=4)
    for session, (levels, moles) in enumerate(ORDINARY):
        photo = render(body, shots[session], session)
        rows = np.array_split(photo.pixels.mean(axis=2), 4, axis=0)
        areas = [part.mean() for row in rows for part in np.array_split(row, 3, axis=1)]
        assert areas == pytest.approx(levels, abs=0.5)
        assert {m.uuid[:4]: (m.x, m.y) for m in photo.moles} == {
            uuid: pytest.approx(place, abs=0.02) for uuid, place in moles.items()
        }
