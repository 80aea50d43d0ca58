"""The laws of a matcher, and the functions that require them of its matches."""

import numpy as np

from mel_debug.core.types import FeatureMap, Match, Query
from mel_debug.testing.laws import Law

SCORE_TOLERANCE = 0.001
"""How much scores that should be equal may differ, as a share of their range."""

EVERY_CASE = Law("matches every query, however unusual", "handle this case")
ONE_A_QUERY = Law(
    "returns one match for each query, in their order",
    "build one Match with the uuid of each query",
)
TARGETS_GRID = Law("scores cover the target's grid", "pass target.grid on")
NUMBERS = Law(
    "scores are float32, and finite in every valid cell",
    "look for a division by a length or a range of zero",
)
PLAIN = Law(
    "score, best and what supports them are plain finite numbers",
    "wrap each in float(); JSON has no numpy scalars, NaN or infinity",
)
MASKED = Law(
    "a masked cell never wins",
    "pass target.valid on and take the best of np.where(target.valid, scores, -np.inf)",
)
INSIDE = Law("the best place lies within the target photo", "clamp it to target.photo.size")
OWN_PLACE = Law(
    "a mole is found at its own place when the target is its source",
    "compare the vector at the mole's point, and turn the best cell into a point of the photo",
)
HIGHER = Law("a higher score is more similar", "negate distances")
INPUTS = Law("leaves queries and target as they were", "work on a copy")
TOGETHER = Law(
    "queries together have the matches that each has alone",
    "do not let one query change the scores of another",
)
REPEATABLE = Law("the same query has the same match every time", "seed random numbers")


def require_well_formed(match: Match, target: FeatureMap, case: str) -> None:
    """Scores on the target's grid, plain finite numbers, and a place that the mask does not hide.

    Raises ContractError, as all functions here.
    """
    TARGETS_GRID.require(match.grid == target.grid, f"{case}: its grid is {match.grid}")
    valid_scores = match.scores[target.valid]
    NUMBERS.require(
        match.scores.dtype == np.float32 and bool(np.isfinite(valid_scores).all()),
        f"{case}: it gave {match.scores.dtype}, {np.isfinite(valid_scores).mean():.0%} finite",
    )
    for name, number in _numbers_of(match):
        plain = isinstance(number, int | float) and bool(np.isfinite(number))
        PLAIN.require(plain, f"{case}: {name} is {number!r}")
    size, best = target.photo.size, match.best
    INSIDE.require(
        0 <= best.x < size.width and 0 <= best.y < size.height,
        f"{case}: it is ({best.x:g}, {best.y:g}) of a photo of {size}",
    )
    opened = int((match.valid & ~target.valid).sum())
    MASKED.require(opened == 0, f"{case}: it has {opened} valid cells that the target's mask hides")
    won = bool(target.valid[match.cell.row, match.cell.column])
    MASKED.require(won, f"{case}: ({best.x:g}, {best.y:g}) lies in a cell that the mask hides")


def _numbers_of(match: Match) -> list[tuple[str, float]]:
    """Every number of a match that a report may print, by name."""
    numbers = [("score", match.score), ("best.x", match.best.x), ("best.y", match.best.y)]
    numbers += (
        [("cycle_error_px", match.cycle_error_px)] if match.cycle_error_px is not None else []
    )
    numbers += [("moves_px", move) for move in match.moves_px]
    if match.refined_score is not None:
        numbers.append(("refined_score", match.refined_score))
    if match.position_std_px is not None:
        numbers.append(("position_std_px", match.position_std_px))
    return numbers + [(f"support[{name!r}]", each.value) for name, each in match.support.items()]


def require_own_place(query: Query, match: Match, target: FeatureMap) -> None:
    """A place in the mole's cell or one beside it, as pooling and refinement may move it."""
    own, best = query.views[0].point, match.best
    cell, found = target.grid.cell_of(own), match.cell
    OWN_PLACE.require(
        abs(found.row - cell.row) <= 1 and abs(found.column - cell.column) <= 1,
        f"the mole at ({own.x:.1f}, {own.y:.1f}) was found at ({best.x:.1f}, {best.y:.1f}), "
        f"in a photo of {target.photo.size}",
    )
    score, usual = float(match.scores[cell.row, cell.column]), float(np.median(match.scores))
    HIGHER.require(score > usual, f"the mole's own cell scores {score:.3g}, the median {usual:.3g}")


def require_equal(law: Law, match: Match, other: Match) -> None:
    """Two matches with places less than half a pixel apart and scores within the tolerance."""
    spread = float(np.ptp(match.scores))
    apart = float(np.abs(match.scores - other.scores).max())
    moved = match.best.distance_to(other.best)
    law.require(
        moved < 0.5 and apart <= SCORE_TOLERANCE * spread,
        f"mole {match.uuid}: the places are {moved:.1f} pixels apart, the scores {apart:.3g}",
    )
