"""How likely a spot is new, from what both photos show at it."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np

from mel_debug.changes.evidence import Evidence
from mel_debug.confidence.model import LogisticModel

STORED = "new_spots.json"
"""The fitted model, written by `benchmarks/fit_new_spots.py`."""

DARK_WEIGHT, REDDISH = 2.5, 1.048
"""Sum of the hue of a spot and `DARK_WEIGHT` times its response below which it is as reddish and as
pale as what passes.

Blood absorbs 0.22 times as much in red as in green, melanin 0.48 times (`synth.colour`), so its hue
is about 0.5; brown moles had 0.76 to 1.7 on real photos and 0.85 or more on generated ones. A
redder spot is more likely a pimple, a bite or a scratch than a mole, unless it is dark. Of 497 new
moles on generated pairs 9 are below it, and of 76 spots that come and go 68 (`benchmarks/change.py`
and `fit_new_spots.py`; with a weight of 1 and a sum of 0.8, 20 and 66).
"""

SMALL_PX, SMALL_REDDISH = 9.5, 1.25
"""Diameter in pixels of the photo below which a spot is small, and that sum for it: skin blurs into
the colour of a few pixels. Most small spots that are new come and go. Of 10 new moles of 8 to 9.5
px on the same pairs none is below it, and of 9 other spots 7. All 5 false new spots of 12 people
that were not used before (seeds 639 to 650) were small and below it.
"""

MOST_NEUTRAL = 1.7
"""Largest hue of a spot that is listed as new: shade, cloth and hair have about 2 to 4."""

SURE, UNLIKELY = 0.4, 0.03
"""Probabilities from which a spot is new, and below which it is known.

The first one is below a half, as a spot of less than 0.6 is listed only if the search does not find
it in the other photo (`found_again`), which speaks for it. On 74 pairs it calls at most one spot
more new that is not than 0.5 does.
Of 271 new moles none is below the second one. It lists 15 spots that are not new on 74 pairs; 0.1
would list 9, and miss one mole.
"""

LEAST_MISSING = 0.04
"""Response that the other photo lacks, below which spots are the same to the model: it is fitted to
the logarithm, which would tell noise from less noise. Not compared with other values."""

LEAST_SHARE = 0.15
"""Share of a spot up to which the other photo does not show it, to the model: bare skin shows up to
a tenth of a pale spot somewhere within the radius that is searched, and what remains of a spot that
was painted out a fifth. With 0, 0.1, 0.15 and 0.2, 5, 3, 3 and 4 of 271 new moles are below `SURE`,
and 8 other spots above it, on 68 generated pairs, 4 warped ones and a real one."""


def evidence_of(evidence: Evidence) -> dict[str, float]:
    """The evidence by name, as the model takes it."""
    return {
        "missing": float(np.log(max(evidence.missing, LEAST_MISSING))),
        "share": max(evidence.share, LEAST_SHARE),
    }


def may_pass(evidence: Evidence, diameter: float) -> bool:
    """Whether a spot is as reddish and as pale as a pimple, a bite or a scratch.

    `diameter` is in pixels of the photo.
    """
    least = SMALL_REDDISH if diameter < SMALL_PX else REDDISH
    return evidence.hue + DARK_WEIGHT * evidence.own < least


def doubt_of_colour(evidence: Evidence, diameter: float) -> str | None:
    """Why the colour of a spot is not that of a mole; None if it may be. See `may_pass`."""
    if may_pass(evidence, np.inf):
        return "reddish, as pimples, bites and scratches are; look at it again next time"
    if may_pass(evidence, diameter):
        return "small and not clearly brown, as pimples are; look at it again next time"
    if evidence.hue > MOST_NEUTRAL:
        return "grey, as shade, cloth and hair are"
    return None


def probability_new(evidence: Evidence) -> float:
    """The probability that a spot is new rather than a change of something that was there."""
    return float(_model().probabilities([evidence_of(evidence)])[0])


@cache
def _model() -> LogisticModel:
    text = (files("mel_debug.changes") / STORED).read_text(encoding="utf-8")
    stored: Mapping[str, object] = json.loads(text)
    return LogisticModel.from_json(stored)
