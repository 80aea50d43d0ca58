"""What the page shows of a search, as JSON."""

from typing import Any

from mel_debug.api import FoundMole
from mel_debug.confidence.words import sentence

NO_SPOT = "No spot under your mark"


def answer_of(found: FoundMole, *, provisional: bool = False) -> dict[str, Any]:
    """The answer of a search: place and radius in pixels of the target, and its words.

    `matrix` is pixels of the target for each pixel of the source, row by row; None if unknown.
    `provisional` is whether the photos are still being matched.
    """
    sure, jacobian = found.confidence, found.match.jacobian
    kind = "absent" if sure.probably_absent else "unsure" if sure.uncertain else "found"
    return {
        "uuid": found.uuid,
        "x": found.x,
        "y": found.y,
        "kind": kind,
        "probability": sure.probability,
        "absent": sure.absent,
        "radius": sure.radius_px,
        "words": sentence(sure),
        "matrix": None if jacobian is None else [part for row in jacobian for part in row],
        "notes": list(_notes(found)),
        "provisional": provisional,
    }


def _notes(found: FoundMole) -> list[str]:
    notes = [] if found.blob.at_mark else [NO_SPOT]
    if not found.confidence.calibrated:
        notes.append("the confidence is a rule of thumb: nothing was calibrated for this model")
    return [*notes, *found.match.notes]
