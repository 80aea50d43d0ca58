"""Laws of planned pairs and sessions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.synth import Body, Mole, Shot, Skin, mole_positions, plan_pair, plan_sessions
from mel_debug.synth.colour import TYPOLOGY, lab_to_linear, skin_lab
from mel_debug.synth.people import draw_skin

seeds = st.integers(0, 10_000)


def measured(body: Body, first: Shot, second: Shot) -> tuple[float, float]:
    """Rotation (degrees clockwise) and scale of the similarity nearest to the change of truth."""
    before = {seen.uuid: complex(seen.x, seen.y) for seen in mole_positions(body, first)}
    after = {seen.uuid: complex(seen.x, seen.y) for seen in mole_positions(body, second)}
    shared = sorted(before.keys() & after.keys())
    source = np.array([before[uuid] for uuid in shared])
    target = np.array([after[uuid] for uuid in shared])
    source, target = source - source.mean(), target - target.mean()
    turn = (target * source.conj()).sum() / (source * source.conj()).sum()
    return float(np.angle(turn, deg=True)), float(abs(turn))


@pytest.mark.parametrize("rotation", [0.0, 30.0, 90.0, 179.0, -45.0])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_a_fixed_rotation_and_scale_are_exact(rotation: float, scale: float) -> None:
    """Without other changes, true positions rotate and scale by exactly these values."""
    plan = plan_pair(3, moles=12, difficulty=0.0, rotation=rotation, scale=scale)
    turned, grown = measured(*plan)
    assert turned == pytest.approx(rotation, abs=0.01)
    assert grown == pytest.approx(scale, rel=0.001)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(0.0, 1.0), st.floats(-150.0, 150.0), st.sampled_from([0.5, 1.0, 2.0]))
def test_a_fixed_rotation_stays_close_at_any_difficulty(
    seed: int, difficulty: float, rotation: float, scale: float
) -> None:
    """Perspective and bending change the similarity only a little."""
    plan = plan_pair(seed, moles=15, difficulty=difficulty, rotation=rotation, scale=scale)
    turned, grown = measured(*plan)
    assert abs(turned - rotation) < 5.0 + 20.0 * difficulty
    assert 0.55 - 0.45 * (1 - difficulty) ** 2 < grown / scale < 1.6


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.0, 1.0), st.integers(0, 20), st.floats(0.0, 0.6))
def test_both_shots_have_every_mole_in_view(
    seed: int, difficulty: float, moles: int, absent: float
) -> None:
    """Moles are listed as absent only where they would be in view."""
    body, first, second = plan_pair(seed, moles=moles, difficulty=difficulty, absent=absent)
    uuids = {mole.uuid for mole in body.moles}
    assert len(uuids) == moles
    assert {seen.uuid for seen in mole_positions(body, first)} == uuids
    assert {seen.uuid for seen in mole_positions(body, second)} == uuids
    gone = sum(mole.present == (True, False) for mole in body.moles)
    assert gone == round(absent * moles)


def test_at_difficulty_0_no_mole_moves() -> None:
    """The easiest retake moves no mole."""
    body, first, second = plan_pair(5, moles=6, difficulty=0.0)
    for before, after in zip(
        mole_positions(body, first), mole_positions(body, second), strict=True
    ):
        assert (before.x, before.y) == pytest.approx((after.x, after.y))


def test_skin_tones_cover_light_to_dark() -> None:
    """Seeds reach both ends of the range of human skin, and no stretch of it is missing."""
    tones = [draw_skin(np.random.default_rng(seed)).lab[0] for seed in range(300)]
    counts, _ = np.histogram(tones, bins=[25, 35, 45, 55, 65, 80])
    assert (counts >= 15).all()


@given(st.floats(*TYPOLOGY), st.floats(0.0, 1.0))
def test_every_tone_is_a_colour_of_skin(typology: float, redness: float) -> None:
    """Red is above green and green above blue, none of them nothing."""
    red, green, blue = lab_to_linear(skin_lab(typology, redness))
    assert red > green > blue > 0


def test_a_tone_beyond_human_skin_is_refused() -> None:
    """The message names the range."""
    with pytest.raises(ValueError, match="outside"):
        skin_lab(90.0)


def test_every_part_has_a_shot_in_every_session() -> None:
    """Every part is shot in every session, on one person's skin, with moles of its own."""
    parts = plan_sessions(2, photos=3, sessions=4, moles=5, megapixels=0.3)
    assert len({(part.part, part.subpart) for part in parts}) == 3
    assert all(len(part.shots) == part.body.sessions == 4 for part in parts)
    assert len({part.body.skin.lab for part in parts}) == 1
    assert len({mole.uuid for part in parts for mole in part.body.moles}) == 15


def test_photos_have_the_given_megapixels() -> None:
    """The picture has as many pixels as asked for, within a hundredth."""
    for megapixels in (0.3, 1.5, 12.0):
        _, shot, _ = plan_pair(1, megapixels=megapixels, moles=0)
        assert shot.width * shot.height == pytest.approx(megapixels * 1e6, rel=0.01)


@pytest.mark.parametrize(
    ("dial", "value"),
    [("megapixels", 0.0), ("moles", -1), ("difficulty", 1.5), ("absent", -0.1), ("scale", 9.0)],
)
def test_a_setting_out_of_range_is_named(dial: str, value: float) -> None:
    """The message has the setting, the value and the range."""
    with pytest.raises(ValueError, match=f"{dial} is {value}; it should"):
        plan_pair(0, **{dial: value})  # type: ignore[arg-type]


@pytest.mark.slow
def test_more_moles_than_fit_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has advice, and the search for room ends."""
    monkeypatch.setattr("mel_debug.synth.population._PATIENCE", 20)
    with pytest.raises(ValueError, match="fewer moles"):
        plan_pair(0, moles=900, scale=4.0, megapixels=0.05)


def test_a_body_refuses_moles_with_another_number_of_sessions() -> None:
    """A mole needs its presence in every session."""
    mole = Mole("0" * 32, 0.0, 0.0, 3.0, 0.5, present=(True,), growth=(1.0,))
    with pytest.raises(ValueError, match="2 entries"):
        Body(Skin(skin_lab(20.0), seed=0), (mole,), sessions=2)
