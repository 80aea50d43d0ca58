"""Laws of bodies that change: exact truth, and nothing else changes without the option."""

import json
from pathlib import Path

import numpy as np
import pytest

from mel_debug.synth.changing import MOST_STRETCH, skin_spots
from mel_debug.synth.rendering import render
from mel_debug.synth.scene import SkinDay
from mel_debug.synth.sessions import plan_pair
from workbench import run


def test_the_option_changes_neither_places_nor_the_usual_body() -> None:
    """Moles stay where they are, and without it nothing is drawn from another seed."""
    usual, first, second = plan_pair(5, megapixels=0.1, moles=8)
    changing, one, two = plan_pair(5, megapixels=0.1, moles=8, changing=True)
    assert not usual.days
    assert [(m.uuid, m.u, m.v, m.present) for m in usual.moles] == [
        (m.uuid, m.u, m.v, m.present) for m in changing.moles
    ]
    assert (one.pixels_per_mm, two.pixels_per_mm) == (first.pixels_per_mm, second.pixels_per_mm)
    assert one == first
    assert two.comb is not None


def test_about_half_the_moles_change() -> None:
    """In one way each, and the first session is as drawn."""
    body, _, _ = plan_pair(6, megapixels=0.1, moles=40, absent=0.0, changing=True)
    changed = 0
    for mole in body.moles:
        kinds = (mole.growth[1] != 1, mole.shade_in(1) != 1, mole.aspect_in(1) != mole.aspect)
        assert sum(kinds) <= 1
        assert mole.growth[0] == mole.shade_in(0) == 1
        assert mole.aspect_in(1) <= MOST_STRETCH * mole.aspect + 1e-9
        changed += any(kinds)
    assert 10 <= changed <= 30


def test_pimples_and_scratches_are_of_one_day() -> None:
    """Freckles stay where they are, with another shade; what passes is elsewhere each day."""
    body, _, _ = plan_pair(7, megapixels=0.1, moles=4, changing=True)
    one, two = skin_spots(body, 0), skin_spots(body, 1)
    kept = sum(np.isin(one.u, two.u))
    assert 0 < kept < len(one.u)
    assert len(two.u) > kept
    both = np.isin(one.u, two.u)
    assert not np.allclose(one.melanin[both], two.melanin[np.isin(two.u, one.u)])


def test_a_day_out_of_range_is_refused() -> None:
    """Like every other setting of the scene."""
    with pytest.raises(ValueError, match="pimples"):
        SkinDay(1, pimples=-1)


@pytest.mark.slow
def test_the_same_arguments_give_the_same_photo() -> None:
    """To the byte, changes included."""
    body, _, second = plan_pair(8, megapixels=0.05, moles=3, changing=True)
    assert render(body, second, 1).jpeg() == render(body, second, 1).jpeg()


@pytest.mark.slow
def test_the_truth_of_a_changing_body_is_written(tmp_path: Path) -> None:
    """Size, pigment and shape of each visible mole beside its photo; without the option nothing."""
    arguments = ["--photos", "1", "--moles", "6", "--megapixels", "0.1", "--seed", "3"]
    assert run("synth", str(tmp_path / "still"), *arguments).code == 0
    assert run("synth", str(tmp_path / "changing"), *arguments, "--changing").code == 0
    assert not list(tmp_path.glob("still/**/*.truth.json"))
    for truth in tmp_path.glob("changing/**/*.truth.json"):
        marks = json.loads(Path(str(truth).replace(".truth", "")).read_text())
        entries = json.loads(truth.read_text())
        assert [e["uuid"] for e in entries] == [e["uuid"] for e in marks]
        assert all(e["diameter_mm"] > 0 and e["aspect"] >= 1 for e in entries)
    assert len(list(tmp_path.glob("changing/**/*.truth.json"))) == 2
