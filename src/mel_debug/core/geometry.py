"""Sizes, points and the grid of patches over a photo, without pixels.

All conversions between the two coordinate frames are here:

- *photo pixels*: pixels of the original photo as shown (EXIF rotation applied). (0, 0) is the outer
  corner of the first pixel, so the centre of pixel (i, j) is the point (i + 0.5, j + 0.5).
- *grid*: rows and columns of patches. Cell (r, c) has its centre at the grid position (r, c).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(
                f"a size needs at least 1 x 1 pixels, not {self.width} x {self.height}"
            )

    @property
    def longest(self) -> int:
        return max(self.width, self.height)

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


@dataclass(frozen=True, slots=True)
class Point:
    """A point in photo pixels; (0, 0) is the outer corner of the first pixel."""

    x: float
    y: float

    def distance_to(self, other: "Point") -> float:
        """Euclidean distance in pixels, of any two finite points."""
        return math.hypot(self.x - other.x, self.y - other.y)

    @classmethod
    def centre_of_pixel(cls, x: float, y: float) -> "Point":
        """The centre of pixel (x, y), as moles files store it: the inverse of `pixel`."""
        return cls(x + 0.5, y + 0.5)

    @property
    def pixel(self) -> tuple[int, int]:
        """Column x and row y of the pixel that contains the point."""
        return math.floor(self.x), math.floor(self.y)


class PointIndex:
    """A grid index of points, to find those near another point without comparing with all."""

    def __init__(self, points: Iterable[Point], distance: float) -> None:
        """`distance` is the search radius in pixels; with 0 no point is ever found."""
        self.distance = distance
        self._numbers: dict[tuple[int, int], list[int]] = {}
        if distance > 0:
            for number, point in enumerate(points):
                self._numbers.setdefault(self._square(point), []).append(number)

    def near(self, point: Point) -> list[int]:
        """The sorted indices of all points within the distance, and of some a little further."""
        if not self._numbers:
            return []
        column, row = self._square(point)
        squares = product(range(column - 1, column + 2), range(row - 1, row + 2))
        return sorted(number for at in squares for number in self._numbers.get(at, ()))

    def _square(self, point: Point) -> tuple[int, int]:
        return int(point.x // self.distance), int(point.y // self.distance)


@dataclass(frozen=True, slots=True)
class Cell:
    """One patch of a grid, by row and column from the top left."""

    row: int
    column: int


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """Rows and columns of square patches over one photo that is scaled to fit them.

    `photo` is the size of the photo and `patch` the side of a patch in scaled pixels.
    """

    photo: Size
    patch: int
    rows: int
    columns: int

    def __post_init__(self) -> None:
        if self.patch < 1 or self.rows < 1 or self.columns < 1:
            raise ValueError(
                f"a grid needs at least one patch of one pixel, not {self.rows} x {self.columns} "
                f"of {self.patch}"
            )

    @classmethod
    def fit(cls, photo: Size, image_size: int, patch: int) -> "PatchGrid":
        """The grid of a photo whose longer side is scaled to `image_size`, aspect ratio preserved.

        The longer side has `image_size // patch` cells; the other is rounded down to a whole cell,
        but at least one. Raises ValueError if `image_size` is not a multiple of the patch.
        """
        if patch < 1 or image_size < patch or image_size % patch:
            raise ValueError(
                f"an image size of {image_size} is not a multiple of a patch of {patch}"
            )
        cells = image_size // patch
        return cls(
            photo=photo,
            patch=patch,
            rows=max(1, photo.height * cells // photo.longest),
            columns=max(1, photo.width * cells // photo.longest),
        )

    @property
    def scaled(self) -> Size:
        """The size the photo is scaled to, in scaled pixels."""
        return Size(self.columns * self.patch, self.rows * self.patch)

    @property
    def scale(self) -> tuple[float, float]:
        """Scaled pixels per photo pixel along x and y; rounding makes them differ slightly."""
        return self.scaled.width / self.photo.width, self.scaled.height / self.photo.height

    @property
    def cell_size(self) -> tuple[float, float]:
        """Width and height of one cell in photo pixels."""
        return self.photo.width / self.columns, self.photo.height / self.rows

    def position_of(self, point: Point) -> tuple[float, float]:
        """The grid position of a point as (row, column); whole numbers are cell centres."""
        return (
            point.y * self.rows / self.photo.height - 0.5,
            point.x * self.columns / self.photo.width - 0.5,
        )

    def point_at(self, row: float, column: float) -> Point:
        """The point at a grid position: the inverse of `position_of`."""
        return Point(
            (column + 0.5) * self.photo.width / self.columns,
            (row + 0.5) * self.photo.height / self.rows,
        )

    def cell_of(self, point: Point) -> Cell:
        """The cell that contains a point; for a point outside the photo, the nearest cell."""
        row = int(point.y * self.rows // self.photo.height)
        column = int(point.x * self.columns // self.photo.width)
        return Cell(
            row=min(max(row, 0), self.rows - 1), column=min(max(column, 0), self.columns - 1)
        )

    def centre_of(self, cell: Cell) -> Point:
        """The centre of a cell in photo pixels."""
        return self.point_at(cell.row, cell.column)

    def to_scaled(self, point: Point) -> Point:
        """A point in scaled pixels, by the exact scale of each axis."""
        return Point(
            point.x * self.scaled.width / self.photo.width,
            point.y * self.scaled.height / self.photo.height,
        )
