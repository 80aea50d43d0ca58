"""The values that stages exchange: frozen dataclasses over numpy arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Cell, PatchGrid, Point
from mel_debug.core.images import Colour, Mask, Pixels
from mel_debug.core.mole import Mole
from mel_debug.core.photo import Photo, Preview

__all__ = [
    "Colour",
    "Confidence",
    "FeatureMap",
    "Mask",
    "Match",
    "Measurement",
    "Mole",
    "Photo",
    "Pixels",
    "Preview",
    "Query",
    "Vectors",
    "View",
]

SURE_FROM, FAIRLY_SURE_FROM = 0.9, 0.7
"""Probabilities from which an answer is called quite sure or fairly sure; chosen by hand."""

Vectors = NDArray[np.float32]
"""One feature vector for each cell, (rows, columns, dimensions)."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureMap:
    """The features of one photo: a vector for each cell of a grid over it.

    `valid` is (rows, columns) bool, True for cells inside the photo's mask. Matches are always in
    valid cells. `key` identifies everything that the features depend on, the contents of the photo
    and of its mask included; None if that is unknown.
    """

    photo: Photo
    grid: PatchGrid
    vectors: Vectors
    valid: Mask
    key: str | None = None

    def __post_init__(self) -> None:
        cells = (self.grid.rows, self.grid.columns)
        if self.vectors.ndim != 3 or self.vectors.shape[:2] != cells:
            raise ValueError(
                f"{self.photo.name}: a grid of {cells[0]} x {cells[1]} cells needs as many vectors,"
                f" not an array of {self.vectors.shape}"
            )
        if self.valid.shape != cells:
            raise ValueError(f"{self.photo.name}: valid is {self.valid.shape}, the grid {cells}")

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

        Only valid cells count, unless none of the four is valid.
        """
        row, column = self.grid.position_of(point)
        row = min(max(row, 0), self.grid.rows - 1)
        column = min(max(column, 0), self.grid.columns - 1)
        top, left = int(row), int(column)
        corners = np.s_[top : top + 2, left : left + 2]
        down = np.array([1 - (row - top), row - top])[: self.grid.rows - top]
        across = np.array([1 - (column - left), column - left])[: self.grid.columns - left]
        weights = down[:, np.newaxis] * across * self.valid[corners]
        total = weights.sum()
        if total == 0:
            return self.at(point)
        # np.average takes weights of two axes from numpy 2.0 on only.
        mean = np.tensordot(weights, self.vectors[corners], axes=2) / total
        return np.asarray(mean, dtype=np.float32)

    def around(self, point: Point, radius: int) -> NDArray[np.float32]:
        """The mean vector of the valid cells within `radius` cells of a point's own."""
        cell = self.grid.cell_of(point)
        window = np.s_[
            max(0, cell.row - radius) : cell.row + radius + 1,
            max(0, cell.column - radius) : cell.column + radius + 1,
        ]
        valid = self.valid[window]
        if not valid.any():
            return self.at(point)
        return np.asarray(self.vectors[window][valid].mean(axis=0), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A mole in one source photo: the photo's feature map, and the mole's point in photo pixels."""

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
    """How likely a match is right, how exact, and how likely the mole is absent.

    `probability`, in [0, 1], is the probability that the match is right: within 0.8 % of the
    target's longer side (50 px at 6000 px) of the mole. If it is right, a circle of `radius_px`
    pixels of the target around it contains the mole with a probability of 95 %.

    `absent` is the probability that the mole is not to be seen in the target, so that every match
    is wrong; None if it is unknown. It is at most 1 - `probability`. What remains is the
    probability that the mole is elsewhere in the target.

    If `calibrated` is False, no calibration was fitted to this extractor and matcher, and all three
    are rough estimates. `uncertain` means that the probability is below the threshold of the run;
    `reason` then is a sentence with what lowers it most.
    """

    probability: float
    radius_px: float
    calibrated: bool
    uncertain: bool
    reason: str | None = None
    absent: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"a probability lies in [0, 1], not {self.probability}")
        if not self.radius_px > 0:
            raise ValueError(f"a radius is above 0, not {self.radius_px}")
        if self.absent is not None and not 0 <= self.absent <= 1 - self.probability:
            raise ValueError(f"absent lies in [0, 1 - {self.probability}], not {self.absent}")

    @property
    def probably_absent(self) -> bool:
        """Whether the answer is that the mole is not there.

        The match is uncertain, and `absent` is known from a calibration and more likely than not.
        """
        if self.absent is None or not self.calibrated:
            return False
        return self.uncertain and self.absent > 0.5

    @property
    def sentence(self) -> str:
        """The answer for people, such as `Found, quite sure (97 %)` or `Not sure (53 %): REASON`.

        Percentages are rounded, but never to 0 or 100.
        """
        if self.probably_absent:
            return "Probably not there"
        share = f"{min(max(round(100 * self.probability), 1), 99)} %"
        if self.uncertain:
            return f"Not sure ({share})" + (f": {self.reason}" if self.reason else "")
        if self.probability >= SURE_FROM:
            return f"Found, quite sure ({share})"
        if self.probability >= FAIRLY_SURE_FROM:
            return f"Found, fairly sure ({share})"
        return f"Found, more likely than not ({share})"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number that a matcher reports about a match, with its unit.

    Numbers in `px`, pixels of the target, are divided by the size of the photo before confidence
    is computed.
    """

    value: float
    unit: Literal["px", "number"] = "number"


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Where a mole was found in the target.

    `scores` is (rows, columns) float32 over the target's grid; higher is more similar. `best`, in
    pixels of the target photo, is in one of the `valid` cells, (rows, columns) bool; `score` is the
    score of its cell, on the scale of `scores`. A matcher that compares the place again at a higher
    resolution sets `refined_score` to that similarity, on a scale of its own.

    `method` is `geometry` if the place follows from the geometry of the whole photos, and
    `similarity` if it is the most similar cell. `position_std_px` is the standard deviation of
    `best`, of x and y together, in pixels of the target; None means that of a uniform distribution
    over the cell.

    `cycle_error_px` is the distance, in pixels of the source, between the mole and the match of
    `best` back in the source. `moves_px` lists the distance, in pixels of the target, by which each
    refinement moved the place. `support` holds further evidence by name. `notes` are sentences for
    the user, and `details` further ones on how the place was found. Matchers leave `confidence`
    None; it is added after matching.

    A matcher whose place does not follow from `scores` alone, such as one that uses geometry, sets
    `likelihood`: (rows, columns) float32 from 0 to 1 over the target's grid, relative to the most
    likely place. Pictures then show that instead of `scores`. A matcher that knows how the photos
    lie sets `jacobian`, ((xx, xy), (yx, yy)): at the mole, the change of the target's (x, y), by
    row, per pixel of the first source, by column. Pictures then show both photos at the same turn
    and size.
    """

    uuid: str
    grid: PatchGrid
    scores: NDArray[np.float32]
    valid: Mask
    best: Point
    score: float
    refined_score: float | None = None
    method: Literal["similarity", "geometry"] = "similarity"
    position_std_px: float | None = None
    cycle_error_px: float | None = None
    moves_px: tuple[float, ...] = ()
    jacobian: tuple[tuple[float, float], tuple[float, float]] | None = None
    support: Mapping[str, Measurement] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    confidence: Confidence | None = None
    likelihood: NDArray[np.float32] | None = None
    details: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        cells = (self.grid.rows, self.grid.columns)
        if self.likelihood is not None and self.likelihood.shape != cells:
            raise ValueError(
                f"match of {self.uuid}: the likelihood is {self.likelihood.shape}, the grid {cells}"
            )
        if self.scores.shape != cells or self.valid.shape != cells:
            raise ValueError(
                f"match of {self.uuid}: scores are {self.scores.shape}, the grid {cells}"
            )
        if not self.valid.any():
            raise ValueError(f"match of {self.uuid}: no cell is inside the mask")

    @property
    def cell(self) -> Cell:
        """The cell of `best`."""
        return self.grid.cell_of(self.best)

    @property
    def similarity_range(self) -> tuple[float, float]:
        """The lowest and the highest score over the valid cells."""
        valid = self.scores[self.valid]
        return float(valid.min()), float(valid.max())
