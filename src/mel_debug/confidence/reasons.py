"""The main reason why a match is uncertain, as a sentence."""

from collections.abc import Mapping

import numpy as np

from mel_debug.confidence.evidence import Evidence
from mel_debug.confidence.model import Calibration

SENTENCES: Mapping[tuple[str, ...], str] = {
    ("score", "margin", "height"): "other places look almost as similar",
    ("cycle_error",): "matched back to the source, that place leads away from the mole",
    ("steady", "settled", "support.moved_px"): "refinement at higher resolution moved the place",
    (
        "shown",
        "stands_out",
        "support.contrast",
        "support.roundness",
    ): "there is no clear spot at that place",
    ("stood_out",): "there is no clear spot at the mark",
    ("sized", "shaded", "support.mole_correlation"): "the spot at that place looks different",
    ("support.correlation", "support.margin"): "the skin around that place looks different",
    (
        "support.leap",
        "support.anchor_offset_px",
        "support.twin",
    ): "the moles and dark spots around it point to another place",
    ("support.vacancy",): "the skin where the mole is expected looks as before, without the mole",
    (
        "support.matches",
        "support.matches_near",
        "support.anchors_near",
        "support.residual_px",
        "support.warp_std_px",
        "support.views",
        "support.views_apart_px",
    ): "the photos have too little in common around the mole",
}
"""Groups of evidence, and the sentence for a group that lowers the probability most."""

UNKNOWN = "the evidence is weak"


def main_reason(calibration: Calibration, evidence: Evidence) -> str:
    """The sentence for the group of evidence that lowers the probability most.

    A group lowers the logit by the difference between the most that its evidence could add and what
    it adds.
    """
    missing = {
        sentence: sum(_shortfall(calibration, evidence, name) for name in names)
        for names, sentence in SENTENCES.items()
    }
    worst = max(missing, key=missing.__getitem__)
    return worst if missing[worst] > 0 else UNKNOWN


def _shortfall(calibration: Calibration, evidence: Evidence, name: str) -> float:
    ramps = calibration.right.ramps.get(name)
    if ramps is None:
        return 0.0
    amount = float(ramps.amounts(np.array([evidence.get(name, np.nan)]))[0])
    return ramps.most - amount
