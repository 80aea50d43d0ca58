"""Laws of measures: what must not change them, and what must."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.changes.common_factor import changed_measures, usual
from mel_debug.changes.crops import Crop, Frame, aligned_crop
from mel_debug.changes.measures import NAMES, measure
from mel_debug.changes.ratios import Ratio, compare
from mel_debug.core.geometry import Point
from mel_debug.core.photo import Photo
from mel_debug.core.types import Pixels
from painted import Disc, painted

MIDDLE = Point(200, 200)


def crop_of(pixels: Pixels, size: float = 40.0, zoom: float = 1.0) -> Crop:
    """A crop in which a mole of `size` pixels has 24."""
    place = Point(MIDDLE.x * zoom, MIDDLE.y * zoom)
    local = ((zoom, 0.0), (0.0, zoom))
    return aligned_crop(Photo.of(pixels), place, Frame(96, size / 24), local)


def mole(diameter: float = 40.0, depth: float = 0.5, seed: int = 0, blur: float = 0.0) -> Pixels:
    return painted(400, 400, [Disc(MIDDLE.x, MIDDLE.y, diameter, depth)], seed=seed, blur=blur)


def ratios(first: Crop, other: Crop) -> dict[str, Ratio]:
    found = compare(first, other, 12)
    assert isinstance(found, dict), found
    return found


def test_a_crop_compared_with_itself_has_not_changed() -> None:
    """Every ratio is 1."""
    crop = crop_of(mole())
    for ratio in ratios(crop, crop).values():
        assert ratio.value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
@settings(max_examples=10)
@given(growth=st.floats(0.8, 1.3), depth=st.floats(0.3, 0.8))
def test_swapping_the_crops_inverts_the_ratios(growth: float, depth: float) -> None:
    """Growth in one order is shrinking in the other."""
    first, other = crop_of(mole()), crop_of(mole(40 * growth, depth, seed=1))
    there, back = ratios(first, other), ratios(other, first)
    for name in there:
        assert there[name].value * back[name].value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.slow
@settings(max_examples=10)
@given(growth=st.floats(0.8, 1.35))
def test_the_interval_holds_the_true_growth(growth: float) -> None:
    """On other skin, and in the area, which is that of the diameter squared."""
    found = ratios(crop_of(mole()), crop_of(mole(40 * growth, seed=2)))
    assert found["diameter"].low <= growth <= found["diameter"].high
    assert found["area"].value == pytest.approx(found["diameter"].value ** 2, rel=1e-6)


def test_growth_is_told_from_a_tenth_on_and_no_growth_is_not() -> None:
    """On sharp moles."""
    first = crop_of(mole())
    for growth, told in ((1.0, False), (1.1, True), (1 / 1.1, True)):
        assert ratios(first, crop_of(mole(40 * growth, seed=5)))["diameter"].changed is told


def test_maps_that_disagree_widen_the_interval_of_the_size_only() -> None:
    """By their difference, as either may be wrong."""
    pair = crop_of(mole()), crop_of(mole(44, seed=6))
    sure, doubtful = compare(*pair, 12), compare(*pair, 12, 0.2)
    assert isinstance(sure, dict)
    assert isinstance(doubtful, dict)
    assert doubtful["diameter"].low < sure["diameter"].low
    assert doubtful["diameter"].value == sure["diameter"].value
    assert doubtful["elongation"] == sure["elongation"]


def test_a_soft_mole_that_is_larger_and_paler_may_be_blurred() -> None:
    """No other trace tells blur from growth, nor from a colour that faded."""
    soft, blurred = mole(24, blur=9.0), mole(24, blur=10.5, seed=7)
    found = compare(crop_of(soft, 30), crop_of(blurred, 30), 12)
    assert isinstance(found, str) or changed_measures(found) == []


def test_a_soft_mole_that_is_paler_leaves_its_colour_open() -> None:
    """Its interval is wider than that of a sharp mole that faded as much."""
    widths = []
    for blur in (0.0, 6.0):
        before, after = (mole(24, depth=depth, blur=blur, seed=3) for depth in (0.6, 0.42))
        found = compare(crop_of(before, 30), crop_of(after, 30), 12)
        assert isinstance(found, dict)
        widths.append([found[name].high / found[name].low for name in ("colour", "border")])
    sharp, soft = widths
    assert all(one < other for one, other in zip(sharp, soft, strict=True))


@pytest.mark.slow
@settings(max_examples=6)
@given(zoom=st.sampled_from([0.5, 0.75, 1.5, 2.0]))
def test_scaling_both_photos_changes_no_ratio(zoom: float) -> None:
    """Measures are relative: pixels cancel out."""
    pairs = mole(), mole(46, seed=3)
    before = ratios(*(crop_of(pixels) for pixels in pairs))
    side = round(400 * zoom)
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    scaled = [
        np.asarray(cv2.resize(pixels, (side, side), interpolation=method)) for pixels in pairs
    ]
    after = ratios(*(crop_of(pixels, zoom=zoom) for pixels in scaled))
    assert after["diameter"].value == pytest.approx(before["diameter"].value, rel=0.02)


def test_blur_alone_is_no_change() -> None:
    """A blurred photo makes a mole paler and larger; both are taken back."""
    found = ratios(crop_of(mole()), crop_of(mole(blur=3.0, seed=4)))
    assert not any(ratio.changed for ratio in found.values()), found


def test_a_darker_mole_has_not_grown() -> None:
    """Its colour changes, its diameter does not."""
    found = ratios(crop_of(mole(depth=0.35)), crop_of(mole(depth=0.6)))
    assert found["colour"].low > 1
    assert not found["diameter"].changed


def test_a_longer_mole_is_told_by_its_elongation() -> None:
    """A stretched picture of a mole has the elongation by which it was stretched."""
    stretched = cv2.warpAffine(
        mole(), np.array([[1.2, 0, -0.2 * 200], [0, 1 / 1.2, 200 - 200 / 1.2]]), (400, 400),
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    found = ratios(crop_of(mole()), crop_of(np.asarray(stretched)))
    assert found["elongation"].value == pytest.approx(1.44, rel=0.1)
    assert found["elongation"].changed


@pytest.mark.parametrize(
    ("pixels", "size", "reason"),
    [
        (mole(4.0), 4.0, "pixels"),
        (painted(400, 400, []), 40.0, "no spot"),
        (mole(blur=20.0), 40.0, "blurred"),
        (np.full((400, 400, 3), 255, dtype=np.uint8), 40.0, "glare|no spot"),
        (mole() // 40, 40.0, "shade|no spot"),
    ],
)
def test_what_the_photo_does_not_allow_is_left_out(
    pixels: Pixels, size: float, reason: str
) -> None:
    """With the reason, and never with a number."""
    import re

    found = measure(crop_of(pixels, size), 12)
    assert isinstance(found, str)
    assert re.search(reason, found)


def test_only_the_diameter_counts_from_its_interval_on() -> None:
    """The others need three standard deviations."""
    near, far = Ratio(1.2, 1.05, 1.37), Ratio(1.5, 1.3, 1.73)
    assert changed_measures({"diameter": near, "area": near, "colour": near}) == ["diameter"]
    assert changed_measures({"colour": far, "elongation": Ratio(1.0, 0.9, 1.1)}) == ["colour"]


@given(st.lists(st.floats(0.985, 1.015), min_size=6, max_size=12), st.floats(0.98, 1.02))
def test_moles_that_grow_do_not_move_the_usual_ratio(still: list[float], scale: float) -> None:
    """As long as they are the smaller part."""
    growing = [1.15] * (len(still) // 2)
    values = [value * scale for value in [*still, *growing]]
    found = usual([Ratio(value, value / 1.04, value * 1.04) for value in values], 0.015)
    assert found == pytest.approx(scale, rel=0.02)


def test_every_name_is_a_measure() -> None:
    """The report and the spreadsheet take names from one list."""
    found = measure(crop_of(mole()), 12)
    assert not isinstance(found, str)
    assert all(found.value(name) > 0 for name in NAMES)
