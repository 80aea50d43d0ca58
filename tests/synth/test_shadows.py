"""Laws of cast shadows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.synth.shadows import KINDS, Cast, passed

P, Q = (plane.astype(float) for plane in np.meshgrid(np.arange(-200, 200, 5), np.arange(-9, 9)))
lengths = st.floats(-80.0, 80.0)
casts = st.builds(
    Cast,
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 99),
    shift=st.tuples(lengths, lengths),
    turn=st.floats(0.0, 360.0),
    edge_mm=st.floats(1.0, 9.0),
    size=st.floats(0.4, 1.5),
    sun=st.floats(1.0, 5.0),
    shade=st.floats(0.0, 1.0),
)


@given(casts)
def test_light_lies_between_shade_and_sun(cast: Cast) -> None:
    """No point has more light than the sun gives or less than the shade leaves."""
    factor = passed(cast, P, Q)
    assert factor.shape == P.shape
    assert factor.min() >= cast.shade - 1e-9
    assert factor.max() <= cast.sun + 1e-9


@pytest.mark.slow
@given(casts, lengths, lengths)
def test_a_shift_moves_the_shadow(cast: Cast, across: float, along: float) -> None:
    """The light at a point is that at the same distance from the unmoved shadow."""
    moved = replace(cast, shift=(cast.shift[0] + across, cast.shift[1] + along))
    assert passed(moved, P + across, Q + along) == pytest.approx(passed(cast, P, Q), abs=1e-6)


@pytest.mark.slow
@given(casts, st.floats(0.3, 3.0))
def test_a_size_scales_the_shadow(cast: Cast, factor: float) -> None:
    """A shape twice as large with an edge twice as wide is the same picture twice as large."""
    cast = replace(cast, shift=(0.0, 0.0))
    large = replace(cast, size=factor * cast.size, edge_mm=factor * cast.edge_mm)
    assert passed(large, factor * P, factor * Q) == pytest.approx(passed(cast, P, Q), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_light_and_shade_with_sharp_edges_between(kind: str) -> None:
    """Both are in a plane of half a metre, and penumbras take at most a fifth of it."""
    p, q = np.meshgrid(np.linspace(-250, 250, 251), np.linspace(-250, 250, 251))
    for seed in range(5):
        factor = passed(Cast(kind, seed, edge_mm=1.0, shade=0.0), p, q)
        assert (factor == 1.0).mean() > 0.01
        assert (factor == 0.0).mean() > 0.01
        assert ((factor > 0.0) & (factor < 1.0)).mean() < 0.2


def test_a_wrong_cast_is_refused() -> None:
    """The message names what is wrong."""
    with pytest.raises(ValueError, match="kind is 'cloud'"):
        Cast("cloud", 1)
    with pytest.raises(ValueError, match="above 0"):
        Cast("limb", 1, edge_mm=0.0)
    with pytest.raises(ValueError, match="shade not above sun"):
        Cast("limb", 1, sun=0.5, shade=0.9)
