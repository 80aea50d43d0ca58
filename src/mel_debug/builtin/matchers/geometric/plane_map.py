"""Plane maps between the cells of two photos: homographies, of which affine maps are a part."""

from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags, with_ones

HORIZON = 1e-3
"""Smallest denominator of a projected point: points at or beyond the horizon are mapped far away
instead of to the opposite side."""


@dataclass(frozen=True, slots=True, eq=False)
class PlaneMap:
    """A homography: (x, y, 1) goes to `matrix` @ (x, y, 1), divided by its third component.

    `matrix` is (3, 3); the scale of its denominator is 1 near the points it was fitted to.
    """

    matrix: Array

    @classmethod
    def from_affine(cls, affine: Array) -> "PlaneMap":
        """Return the map of a (3, 2) affine map: target = [x y 1] @ affine."""
        return cls(np.vstack([affine.T, [0.0, 0.0, 1.0]]))

    def __call__(self, places: Array) -> Array:
        """Map (n, 2) points."""
        projected = with_ones(places) @ self.matrix.T
        mapped: Array = projected[:, :2] / np.maximum(projected[:, 2:], HORIZON)
        return mapped

    def inverse(self) -> "PlaneMap":
        """Return the map back. Raises numpy.linalg.LinAlgError for a singular matrix."""
        return PlaneMap(np.linalg.inv(self.matrix))

    def in_view(self, places: Array) -> Flags:
        """Return (n,): which points lie on the visible side of the horizon."""
        visible: Flags = with_ones(places) @ self.matrix[2] > HORIZON
        return visible

    def scale(self, place: Array) -> float:
        """Return the scale at a point, (2,): the square root of the change of area."""
        (jacobian,) = self.jacobians(place[np.newaxis])
        return float(np.sqrt(abs(np.linalg.det(jacobian))))

    def jacobians(self, places: Array) -> Array:
        """Return (n, 2, 2): change of the mapped (x, y), by row, per unit of (x, y), by column."""
        projected = with_ones(places) @ self.matrix.T
        w = np.maximum(projected[:, 2], HORIZON)[:, np.newaxis, np.newaxis]
        mapped = projected[:, :2, np.newaxis] / w
        jacobians: Array = (self.matrix[:2, :2] - mapped * self.matrix[2, :2]) / w
        return jacobians
