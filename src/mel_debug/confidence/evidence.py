"""What a match shows about itself, as numbers by name. No truth goes in here."""

from collections.abc import Mapping

import numpy as np

from mel_debug.confidence.blobs import blob_at, blob_similarity
from mel_debug.core.peaks import rival_score
from mel_debug.core.types import FeatureMap, Match, Query

WITHIN = 0.008
"""A place is right when it is this near, as a share of the target's longer side: 50 px at 6000."""

RIVAL_SHARE = 0.02
"""A runner-up lies further than this from the best place, as a share of the longer side."""

BETTER_WHEN_HIGHER = (
    "score", "margin", "height", "cycle_error", "steady", "settled",
    "shown", "stands_out", "stood_out", "sized", "shaded",
)  # fmt: skip
"""The evidence of every match. Confidence never falls when one of these rises."""

METRIC_FREE = tuple(name for name in BETTER_WHEN_HIGHER if name != "score")
"""What means the same under every metric; what an uncalibrated judgement rests on."""

Evidence = Mapping[str, float]
"""Numbers by name; NaN for what is not known."""


def evidence_of(query: Query, target: FeatureMap, match: Match) -> Evidence:
    """Everything that speaks for or against a match.

    `margin` is the lead over the best score outside a radius, and `height` that over the mean, both
    in standard deviations of the scores; `mutual` falls with the way back to the mole, `steady`
    with how far closer looks moved the place after the first, and `settled` with the last move. The
    rest: `looks.blob_similarity`, and the matcher's own support as `support.NAME`, on a logarithmic scale
    and, if its name ends in `_px`, by size of photo.
    """
    longest = target.photo.size.longest
    score = match.score if match.refined_score is None else match.refined_score
    found = {"score": score, **_lead(match), **_stability(query, match)}
    there = blob_at(target.photo, match.best)
    looks = [
        blob_similarity(blob_at(view.features.photo, view.point), there) for view in query.views
    ]
    found |= {name: float(np.mean([look[name] for look in looks])) for name in looks[0]}
    for name, measured in match.support.items():
        unit = WITHIN * longest if measured.unit == "px" else 1.0
        scaled = np.log1p(abs(measured.value) / unit * 10)
        found[f"support.{name}"] = float(np.copysign(scaled, measured.value))
    return found


def _lead(match: Match) -> dict[str, float]:
    inside = match.scores[match.valid]
    spread = max(float(inside.std()), 1e-9)
    longest = match.grid.photo.longest
    cell = match.cell
    here = float(match.scores[cell.row, cell.column])
    near = max(RIVAL_SHARE * longest, 2 * max(match.grid.cell_size))
    rival = rival_score(match.scores, match.valid, match.grid, match.best, near)
    return {
        "margin": float("nan") if rival is None else (here - rival) / spread,
        "height": (here - float(inside.mean())) / spread,
    }


def _stability(query: Query, match: Match) -> dict[str, float]:
    """Distances on a logarithmic scale, in units of what counts as right."""
    source = max(view.features.photo.size.longest for view in query.views)
    mutual = match.cycle_error_px
    moves, target = match.moves_px, match.grid.photo.longest
    return {
        "cycle_error": _nearness(mutual, source),
        # The first look mends a rough guess, so its move says little; it stands in when alone.
        "steady": _nearness(sum(moves[1:] or moves), target) if moves else float("nan"),
        "settled": _nearness(moves[-1], target) if moves else float("nan"),
    }


def _nearness(distance: float | None, longest: int) -> float:
    return float("nan") if distance is None else -float(np.log1p(distance / (WITHIN * longest)))
