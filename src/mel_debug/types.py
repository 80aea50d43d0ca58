"""What flows between the stages: frozen values over numpy arrays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mel_debug.geometry import Cell, PatchGrid, Point, Size
from mel_debug.resample import kept_cells, painted, resized

Pixels = NDArray[np.uint8]
"""RGB as shown, (height, width, 3)."""

Mask = NDArray[np.bool_]
"""(height, width); True where the photo counts."""

Vectors = NDArray[np.float32]
"""One descriptor a cell, (rows, columns, dimensions)."""

Colour = tuple[int, int, int]
"""RGB, each 0 to 255."""


class Photo:
    """A photo as shown (EXIF rotation applied), decoded when its pixels are first asked for.

    `load` gives (height, width, 3) uint8 RGB and `load_mask` a (height, width) bool mask or None;
    each is called at most once. `name` is what messages call the photo. `key` tells the content of
    photo and mask, as they are now, by a text that no other content has; without it nothing about
    the photo is remembered beyond this run.
    """

    def __init__(
        self,
        name: str,
        size: Size,
        load: Callable[[], Pixels],
        load_mask: Callable[[], Mask | None] = lambda: None,
        key: Callable[[], str] | None = None,
    ) -> None:
        self.name = name
        self.size = size
        self.key = key
        self._load = load
        self._load_mask = load_mask
        self._scaled: tuple[Size, Pixels] | None = None

    @classmethod
    def of(cls, pixels: Pixels, mask: Mask | None = None, *, name: str = "photo") -> "Photo":
        """A photo that is in memory already. Raises ValueError for pixels that are no RGB bytes."""
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(
                f"{name}: pixels must be (height, width, 3) uint8 RGB, "
                f"not {pixels.shape} {pixels.dtype}"
            )
        size = Size(pixels.shape[1], pixels.shape[0])
        return cls(name, size, lambda: pixels, lambda: mask)

    def __repr__(self) -> str:
        return f"Photo({self.name!r}, {self.size})"

    @cached_property
    def pixels(self) -> Pixels:
        """(height, width, 3) uint8 RGB."""
        pixels = self._load()
        if pixels.shape != (self.size.height, self.size.width, 3):
            raise ValueError(f"{self.name}: expected {self.size} RGB pixels, got {pixels.shape}")
        return pixels

    @cached_property
    def mask(self) -> Mask | None:
        """(height, width) bool, True where the photo counts; None when all of it does."""
        mask = self._load_mask()
        if mask is not None and mask.shape != (self.size.height, self.size.width):
            raise ValueError(f"{self.name}: expected a mask of {self.size}, got {mask.shape}")
        return mask

    def painted(self, colour: Colour | Callable[[], Colour]) -> "Photo":
        """The same photo with every pixel outside its mask set to `colour`.

        A colour that is costly to know may be a function: it is asked when pixels are painted.
        """

        def load() -> Pixels:
            # Not self.pixels: the photo as it was need not stay in memory beside the painted one.
            pixels = self.__dict__["pixels"] if "pixels" in self.__dict__ else self._load()
            if self.mask is None:
                return pixels
            return painted(pixels, self.mask, colour() if callable(colour) else colour)

        return Photo(self.name, self.size, load, lambda: self.mask)

    def crop(self, left: int, top: int, size: Size, colour: Colour) -> "Photo":
        """A window of the photo; (left, top) is its corner and may lie outside.

        What is beyond the photo's edge has `colour` and is masked out, so a point p of the photo is
        the point p - (left, top) of the window, always.
        """
        rows = slice(max(0, top), min(self.size.height, top + size.height))
        columns = slice(max(0, left), min(self.size.width, left + size.width))
        inside = (
            slice(rows.start - top, max(rows.start, rows.stop) - top),
            slice(columns.start - left, max(columns.start, columns.stop) - left),
        )

        def load() -> Pixels:
            pixels = np.full((size.height, size.width, 3), colour, dtype=np.uint8)
            pixels[inside] = self.pixels[rows, columns]
            return pixels

        def load_mask() -> Mask | None:
            whole = (
                rows.stop - rows.start == size.height,
                columns.stop - columns.start == size.width,
            )
            if self.mask is None and all(whole):
                return None
            mask = np.zeros((size.height, size.width), dtype=bool)
            mask[inside] = True if self.mask is None else self.mask[rows, columns]
            return mask

        return Photo(f"a window of {self.name}", size, load, load_mask)

    def scaled(self, size: Size) -> Pixels:
        """The pixels at another size, by area; the last size asked for is kept."""
        if self._scaled is None or self._scaled[0] != size:
            self._scaled = size, resized(self.pixels, size)
        return self._scaled[1]

    def kept(self, grid: PatchGrid) -> Mask:
        """(rows, columns) bool: the cells of which at least half lies inside the mask."""
        if self.mask is None:
            return np.ones((grid.rows, grid.columns), dtype=bool)
        return kept_cells(self.mask, grid.rows, grid.columns)


@dataclass(frozen=True, slots=True)
class Mole:
    """One mark of a moles file, its place as a point in photo pixels."""

    uuid: str
    point: Point
    is_canonical: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMap:
    """The descriptors of one photo: a vector for each cell of a grid over it.

    `kept` is (rows, columns) bool: the cells inside the photo's mask. Answers come from those only.
    """

    photo: Photo
    grid: PatchGrid
    vectors: Vectors
    kept: Mask

    def __post_init__(self) -> None:
        cells = (self.grid.rows, self.grid.columns)
        if self.vectors.ndim != 3 or self.vectors.shape[:2] != cells:
            raise ValueError(
                f"{self.photo.name}: a grid of {cells[0]} x {cells[1]} cells needs as many vectors,"
                f" not an array of {self.vectors.shape}"
            )
        if self.kept.shape != cells:
            raise ValueError(f"{self.photo.name}: kept is {self.kept.shape}, the grid {cells}")

    @property
    def dimensions(self) -> int:
        return int(self.vectors.shape[2])

    def at(self, point: Point) -> NDArray[np.float32]:
        """The vector of the cell that contains a point in photo pixels, (dimensions,)."""
        cell = self.grid.cell_of(point)
        vector: NDArray[np.float32] = self.vectors[cell.row, cell.column]
        return vector

    def between(self, point: Point) -> NDArray[np.float32]:
        """The vector at a point, interpolated linearly between the four nearest cell centres.

        Cells that are not kept don't take part, unless none of the four is.
        """
        row, column = self.grid.position_of(point)
        row = min(max(row, 0), self.grid.rows - 1)
        column = min(max(column, 0), self.grid.columns - 1)
        top, left = int(row), int(column)
        corners = np.s_[top : top + 2, left : left + 2]
        down = np.array([1 - (row - top), row - top])[: self.grid.rows - top]
        across = np.array([1 - (column - left), column - left])[: self.grid.columns - left]
        weights = down[:, np.newaxis] * across * self.kept[corners]
        if weights.sum() == 0:
            return self.at(point)
        return np.asarray(
            np.average(self.vectors[corners], axis=(0, 1), weights=weights), dtype=np.float32
        )

    def around(self, point: Point, radius: int) -> NDArray[np.float32]:
        """The mean vector of the kept cells within `radius` cells of a point's own."""
        cell = self.grid.cell_of(point)
        near = np.s_[
            max(0, cell.row - radius) : cell.row + radius + 1,
            max(0, cell.column - radius) : cell.column + radius + 1,
        ]
        kept = self.kept[near]
        if not kept.any():
            return self.at(point)
        return np.asarray(self.vectors[near][kept].mean(axis=0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A mole as one source photo shows it: the photo's whole feature map and the mole's place."""

    features: FeatureMap
    point: Point


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A mole to find: its uuid and one or more views of it."""

    uuid: str
    views: tuple[View, ...]

    def __post_init__(self) -> None:
        if not self.views:
            raise ValueError(f"mole {self.uuid} has no view to search with")
        if len({view.features.dimensions for view in self.views}) > 1:
            raise ValueError(f"the views of mole {self.uuid} come from different extractors")


@dataclass(frozen=True, slots=True)
class Confidence:
    """How far a match can be trusted.

    `probability`, in [0, 1], is that of the place being within 0.8 % of the target photo's longer
    side (50 px at 6000). `radius_px`, in pixels of the target, holds the mole 95 % of the time at
    that probability, if the mole is there at all. Where `calibrated` is False, both are rules of
    thumb. `uncertain` means that the probability is below what the person asked for.
    """

    probability: float
    radius_px: float
    calibrated: bool
    uncertain: bool

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a probability lies in [0, 1], not {self.probability}")
        if not self.radius_px > 0:
            raise ValueError(f"a radius is above 0, not {self.radius_px}")


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Where a mole was found in the target.

    `scores` is (rows, columns) float32 over the target's grid, higher is more alike; cells that are
    not `kept` never win. `best` is in pixels of the target photo and `score` is the score there.

    `mutual_px` is how far from the mole, in pixels of the source, the best match of the found place
    lies when searched back. `moves_px` is how far each later, closer look moved the place, in
    pixels of the target. `support` holds what else speaks for the match, by name; `notes` are
    sentences for the person who asked. A matcher leaves `confidence` to the pipeline.
    """

    uuid: str
    grid: PatchGrid
    scores: NDArray[np.float32]
    kept: Mask
    best: Point
    score: float
    mutual_px: float | None = None
    moves_px: tuple[float, ...] = ()
    support: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        cells = (self.grid.rows, self.grid.columns)
        if self.scores.shape != cells or self.kept.shape != cells:
            raise ValueError(
                f"match of {self.uuid}: scores are {self.scores.shape}, the grid {cells}"
            )
        if not self.kept.any():
            raise ValueError(f"match of {self.uuid}: no cell is inside the mask")

    @property
    def cell(self) -> Cell:
        """The cell of the best place."""
        return self.grid.cell_of(self.best)

    @property
    def similarity_range(self) -> tuple[float, float]:
        """The lowest and the highest score over the kept cells."""
        kept = self.scores[self.kept]
        return float(kept.min()), float(kept.max())
