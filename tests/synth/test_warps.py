"""Laws of warps: exact there and back, folded nowhere, sampled where they say."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.core.geometry import Point, Size
from mel_debug.synth.levels import LEVELS, LevelName, WarpOptions, draw_change
from mel_debug.synth.warps import STEEPEST, Warp, Wave, homography

seeds = st.integers(0, 10_000)
levels = st.sampled_from(sorted(LEVELS))
sizes = st.builds(Size, st.integers(64, 7000), st.integers(64, 7000))


def drawn(
    seed: int,
    size: Size,
    level: LevelName,
    *,
    rotation: float | None = None,
    scale: float | None = None,
    closeup: float = 1.0,
    mirrored: bool = False,
) -> Warp:
    """A random warp of a photo whose spots lie in its lower half."""
    rng = np.random.default_rng(seed)
    spots = [
        Point(float(x) * size.width, float(y) * size.height)
        for x, y in rng.uniform([0.1, 0.5], [0.9, 0.95], (12, 2))
    ]
    options = WarpOptions(level, rotation, scale, closeup, mirrored)
    return draw_change(rng, size, spots, options).warp


def places(size: Size, count: int = 40) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Points all over a photo."""
    return np.random.default_rng(0).uniform((0, 0), (size.width, size.height), (count, 2))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seeds, sizes, levels, st.booleans())
def test_there_and_back_is_where_it_started(
    seed: int, size: Size, level: LevelName, mirrored: bool
) -> None:
    """The numerical inverse is exact to a hundredth of a pixel, all over the photo."""
    warp = drawn(seed, size, level, mirrored=mirrored)
    points = places(size)
    assert np.abs(warp.to_source(warp.to_target(points)) - points).max() < 0.01


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    seeds, sizes, levels, st.floats(-180, 180), st.floats(0.33, 3.0), st.sampled_from([1.0, 4, 16])
)
def test_pixels_are_sampled_where_the_map_says(
    seed: int, size: Size, level: LevelName, rotation: float, scale: float, closeup: float
) -> None:
    """Wherever the target shows the source, the sampled place maps to the pixel's centre."""
    warp = drawn(seed, size, level, rotation=rotation, scale=scale, closeup=closeup)
    rows = min(37, warp.target.height)
    top = (warp.target.height - rows) // 2
    at = warp.sampling_map(top, rows)
    assert at.shape == (rows, warp.target.width, 2)
    inside = ((at >= 0) & (at <= (size.width, size.height))).all(axis=2)
    y, x = np.mgrid[top : top + rows, : warp.target.width] + 0.5
    exact = warp.to_source(np.stack([x, y], axis=-1)[inside])
    assert np.abs(at[inside] - exact).max(initial=0.0) < 0.05


def test_a_strip_is_a_part_of_the_whole_map() -> None:
    """Where the picture is cut into strips does not change what is sampled."""
    warp = drawn(3, Size(300, 200), "strong")
    whole = warp.sampling_map(0, 200)
    assert np.abs(warp.sampling_map(101, 50) - whole[101:151]).max() < 0.05


@given(
    st.floats(-180, 180), st.floats(0.33, 3.0), st.floats(0, 0.12), st.floats(0, 6.3), st.booleans()
)
def test_near_the_aim_the_view_has_the_given_rotation_and_scale(
    rotation: float, scale: float, tilt: float, toward: float, mirrored: bool
) -> None:
    """The aim is shown at its place, and directions across the tilt turn and grow as given."""
    along = np.array([math.cos(toward), math.sin(toward)])
    plane = homography(
        aim=(70.0, 40.0),
        place=(55.0, 66.0),
        rotation=rotation,
        scale=scale,
        tilt=(tilt * along[0], tilt * along[1]),
        reach=100.0,
        mirrored=mirrored,
    )
    warp = Warp(Size(100, 100), Size(100, 100), plane)
    assert warp.is_mirrored is mirrored
    aim = np.array([70.0, 40.0])
    assert warp.to_target(aim) == pytest.approx([55.0, 66.0])
    across = np.array([-along[1], along[0]]) * ((-1, 1) if mirrored else (1, 1))
    step = complex(*(warp.to_target(aim + 1e-4 * across) - warp.to_target(aim))) / 1e-4
    expected = scale * complex(-along[1], along[0]) * np.exp(1j * math.radians(rotation))
    assert abs(step - expected) < 1e-3 * scale


def test_a_close_up_shows_its_share_of_the_area_at_the_resolution_there_is() -> None:
    """Without more detail it is cut out; with enough detail it is as large as the photo."""
    size, spots = Size(800, 600), [Point(400.0, 300.0)]
    for detail, width in ((1.0, 200), (2.0, 400), (4.0, 800), (9.0, 800)):
        options = WarpOptions("mild", rotation=0.0, scale=1.0, closeup=16)
        rng = np.random.default_rng(1)
        warp = draw_change(rng, size, spots, options, detail=detail).warp
        assert warp.target == Size(width, width * 3 // 4)
        corners = warp.to_source(np.array([(0.0, 0.0), (width, 0.0), (0.0, width * 0.75)]))
        sides = np.hypot(*(corners[1] - corners[0])), np.hypot(*(corners[2] - corners[0]))
        assert sides[0] * sides[1] == pytest.approx(800 * 600 / 16, rel=0.1)


def test_a_bend_that_could_fold_is_refused() -> None:
    """Such a map would have no inverse."""
    wave = Wave(shift=(STEEPEST * 11, 0.0), frequency=(0.1, 0.0), phase=0.0)
    with pytest.raises(ValueError, match="steepness"):
        Warp(Size(9, 9), Size(9, 9), np.eye(3), (wave,))


def test_a_flat_homography_is_refused() -> None:
    """It would show the photo as a line."""
    with pytest.raises(ValueError, match="invertible"):
        Warp(Size(9, 9), Size(9, 9), np.diag([1.0, 0.0, 1.0]))


@pytest.mark.parametrize("number", range(20))
def test_strong_changes_are_larger_than_mild_ones(number: int) -> None:
    """No level has a range that a milder one exceeds."""
    mild, medium, strong = (LEVELS[name] for name in ("mild", "medium", "strong"))
    assert mild.rotation < medium.rotation < strong.rotation
    assert mild.tilt < medium.tilt < strong.tilt
    size = Size(3000, 4000)
    turned = [abs(rotation_of(drawn(number, size, level))) for level in ("mild", "strong")]
    assert turned[0] < mild.rotation + 3
    assert turned[1] < strong.rotation + 12


def rotation_of(warp: Warp) -> float:
    """The rotation in degrees of a direction in the middle of the photo."""
    middle = np.array([warp.source.width / 2, warp.source.height / 2])
    step = warp.to_target(middle + np.array([1.0, 0.0])) - warp.to_target(middle)
    return math.degrees(math.atan2(step[1], step[0]))
