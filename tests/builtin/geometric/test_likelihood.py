"""The likelihood of a window, on the grid of the whole photo."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.builtin.matchers.geometric.likelihood import Likelihood
from mel_debug.core.geometry import PatchGrid, Size

GRID = PatchGrid.fit(Size(480, 320), 480, 8)
CELLS = 9


@given(
    x=st.floats(-60, 540),
    y=st.floats(-60, 380),
    seed=st.integers(0, 2**16),
    size=st.floats(4, 16),
)
def test_each_cell_of_the_window_is_where_it_was_searched(
    x: float, y: float, seed: int, size: float
) -> None:
    """Turned and stretched at random: what is in view is found there, and nothing elsewhere."""
    generator = np.random.default_rng(seed)
    step = size * (np.eye(2) + generator.uniform(-0.3, 0.3, (2, 2)))
    window = Likelihood(np.ones((CELLS, CELLS)), np.array([x, y]), step)
    found = window.on_grid(GRID)
    centres = np.stack(np.meshgrid(np.arange(60), np.arange(40)), axis=-1) * 8.0 + 4
    away = np.linalg.solve(step, (centres - [x, y]).reshape(-1, 2).T).T.reshape(40, 60, 2)
    off = np.abs(away).max(axis=-1)
    assert (found[off < CELLS / 2 - 0.5] > 0.99).all()
    reach = np.linalg.norm(np.linalg.inv(step), ord=np.inf) * 4  # half a cell of the grid
    assert (found[off > CELLS / 2 + 0.5 + reach] == 0).all()
