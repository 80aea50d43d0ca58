"""Laws of the bent surface and the camera."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.synth.scene import Form, Shot
from mel_debug.synth.tube import project, surface, unproject

angles = st.floats(-40.0, 40.0)
forms = st.builds(
    Form,
    half_width=st.floats(40.0, 200.0),
    half_depth=st.floats(35.0, 120.0),
    taper=st.floats(-0.3, 0.3),
    waist=st.floats(-0.15, 0.15),
    bow_side=st.floats(-20.0, 20.0),
    bow_depth=st.floats(-20.0, 40.0),
)
shots = st.builds(
    Shot,
    width=st.just(300),
    height=st.just(400),
    form=forms,
    pixels_per_mm=st.floats(0.5, 4.0),
    distance=st.floats(400.0, 1200.0),
    yaw=angles,
    pitch=angles,
    roll=st.floats(-180.0, 180.0),
)
inside = st.floats(0.0, 1.0)


@given(shots, inside, inside)
def test_from_the_picture_to_the_skin_and_back_is_exact(shot: Shot, x: float, y: float) -> None:
    """A picture point that shows skin is where that skin is projected to."""
    hit = unproject(shot, np.array([x * shot.width]), np.array([y * shot.height]))
    across, down, facing = project(shot, hit.u, hit.v)
    if hit.outside[0] < -0.02 and facing[0] > 0.05:
        assert across[0] == pytest.approx(x * shot.width, abs=1e-4)
        assert down[0] == pytest.approx(y * shot.height, abs=1e-4)


@given(shots)
def test_the_aim_is_in_the_centre_of_the_picture(shot: Shot) -> None:
    """This holds for any yaw, pitch and roll."""
    x, y, _ = project(shot, np.array([shot.aim_u]), np.array([shot.aim_v]))
    assert (x[0], y[0]) == pytest.approx((150.0, 200.0))


@given(shots)
def test_the_scale_at_the_aim_is_pixels_per_mm(shot: Shot) -> None:
    """Skin square to the camera shows at ``pixels_per_mm``."""
    straight = Shot(300, 400, shot.form, shot.pixels_per_mm, shot.distance, roll=shot.roll)
    x, y, _ = project(straight, np.array([-0.5, 0.5]), np.zeros(2))
    assert np.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(shot.pixels_per_mm, rel=0.01)


@given(shots, st.floats(1.0, 170.0))
def test_a_roll_rotates_the_picture_clockwise(shot: Shot, degrees: float) -> None:
    """What lies right of the middle moves down first, and every point by the same angle."""
    form, scale = shot.form, shot.pixels_per_mm
    before, after = (Shot(300, 400, form, scale, roll=roll) for roll in (0.0, degrees))
    x, y, _ = project(before, np.array([10.0]), np.array([0.0]))
    turned_x, turned_y, _ = project(after, np.array([10.0]), np.array([0.0]))
    turn = np.angle(
        complex(turned_x[0] - 150, turned_y[0] - 200) / complex(x[0] - 150, y[0] - 200), deg=True
    )
    assert turn == pytest.approx(degrees)


@given(forms, st.floats(-40.0, 40.0))
def test_u_is_an_arc_length(form: Form, u: float) -> None:
    """Where the section has its nominal size, a step in u is a step of that length."""
    ends = surface(form, np.array([u, u + 0.1]), np.zeros(2))
    assert np.linalg.norm(ends[:, 1] - ends[:, 0]) == pytest.approx(0.1, rel=0.01)
