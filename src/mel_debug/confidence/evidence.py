"""The evidence of a match: numbers by name, computed without knowing the truth."""

from collections.abc import Mapping

import numpy as np

from mel_debug.confidence.blobs import blob_at, blob_similarity
from mel_debug.core.peaks import rival_score
from mel_debug.core.types import FeatureMap, Match, Query

WITHIN = 0.008
"""Largest error of a right match, as a share of the target's longer side: 50 px at 6000 px."""

RIVAL_SHARE = 0.02
"""Least distance of a runner-up from the match, as a share of the longer side."""

NEGLIGIBLE = 0.2
"""Distances up to this share of the error of a right match count as 0, because they depend on the
photo's resolution: a cell of 8 px is a sixth of that error at 6000 px, and half of it at 2000 px.
Measured: on 25 megapixels right matches lead back to the mole's own cell or the next one."""

BETTER_WHEN_HIGHER = (
    "score", "margin", "height", "cycle_error", "steady", "settled",
    "shown", "stands_out", "stood_out", "sized", "shaded",
)  # fmt: skip
"""The names of evidence that every match has. Confidence never falls when one of them rises."""

SPOT_AT_MATCH = ("shown", "stands_out", "sized", "shaded")
"""Evidence of a spot at the place found that looks like the mole; absence never gets likelier when
one of these rises."""

METRIC_FREE = tuple(name for name in BETTER_WHEN_HIGHER if name != "score")
"""Evidence that is comparable between metrics; the general calibration uses only this."""

Evidence = Mapping[str, float]
"""Numbers by name; NaN if unknown."""


def evidence_of(query: Query, target: FeatureMap, match: Match) -> Evidence:
    """The evidence of a match in the target.

    `score` is the (refined) score. `margin` is the score minus the best score of a runner-up, and
    `height` the score minus the mean score, both in standard deviations of the scores.
    `cycle_error` falls with the cycle error, `steady` with the sum of the moves of all refinements
    after the first, and `settled` with the last move; see `_nearness`. Blob evidence is that of
    `blobs.blob_similarity`, averaged over views. The matcher's own support is `support.NAME`, on a
    logarithmic scale; support in pixels is first divided by the error of a right match.
    """
    longest = target.photo.size.longest
    score = match.score if match.refined_score is None else match.refined_score
    found = {"score": score, **_lead(match), **_stability(query, match)}
    blob = blob_at(target.photo, match.best)
    similarities = [
        blob_similarity(blob_at(view.features.photo, view.point), blob) for view in query.views
    ]
    found |= {
        name: float(np.mean([each[name] for each in similarities])) for name in similarities[0]
    }
    for name, measured in match.support.items():
        unit = WITHIN * longest if measured.unit == "px" else 1.0
        scaled = np.log1p(abs(measured.value) / unit * 10)
        found[f"support.{name}"] = float(np.copysign(scaled, measured.value))
    return found


def _lead(match: Match) -> dict[str, float]:
    inside = match.scores[match.valid]
    std = max(float(inside.std()), 1e-9)
    longest = match.grid.photo.longest
    cell = match.cell
    score = float(match.scores[cell.row, cell.column])
    radius = max(RIVAL_SHARE * longest, 2 * max(match.grid.cell_size))
    rival = rival_score(match.scores, match.valid, match.grid, match.best, radius)
    return {
        "margin": float("nan") if rival is None else (score - rival) / std,
        "height": (score - float(inside.mean())) / std,
    }


def _stability(query: Query, match: Match) -> dict[str, float]:
    """The evidence of the cycle error and of refinements."""
    source = max(view.features.photo.size.longest for view in query.views)
    moves, target = match.moves_px, match.grid.photo.longest
    return {
        "cycle_error": _nearness(match.cycle_error_px, source),
        # The first refinement corrects a coarse place, so its move counts only if it is alone.
        "steady": _nearness(sum(moves[1:] or moves), target) if moves else float("nan"),
        "settled": _nearness(moves[-1], target) if moves else float("nan"),
    }


def _nearness(distance: float | None, longest: int) -> float:
    """Minus log(1 + distance / error of a right match - `NEGLIGIBLE`), at most 0.

    NaN without a distance.
    """
    if distance is None:
        return float("nan")
    return -float(np.log1p(max(distance / (WITHIN * longest) - NEGLIGIBLE, 0.0)))
