"""A confidence in words: the one place that decides how sure an answer sounds."""

from mel_debug.core.types import Confidence

ABSENT = "probably not there"
UNSURE = "NOT SURE"


def verdict(confidence: Confidence) -> str | None:
    """`probably not there`, `NOT SURE`, or None for an accepted match."""
    if confidence.probably_absent:
        return ABSENT
    return UNSURE if confidence.uncertain else None


SURE_FROM, FAIRLY_SURE_FROM = 0.9, 0.7
"""Probabilities from which an answer is called quite sure or fairly sure; chosen by hand."""


def sentence(confidence: Confidence) -> str:
    """The answer for people, such as `Found, quite sure (97 %)` or `Not sure (53 %): REASON`.

    Percentages are rounded, but never to 0 or 100.
    """
    if confidence.probably_absent:
        return "Probably not there"
    share = f"{min(max(round(100 * confidence.probability), 1), 99)} %"
    if confidence.uncertain:
        return f"Not sure ({share})" + (f": {confidence.reason}" if confidence.reason else "")
    if confidence.probability >= SURE_FROM:
        return f"Found, quite sure ({share})"
    if confidence.probability >= FAIRLY_SURE_FROM:
        return f"Found, fairly sure ({share})"
    return f"Found, more likely than not ({share})"


def numbers(confidence: Confidence) -> str:
    """The numbers that belong to the verdict: its probability, and the radius of a place."""
    if confidence.probably_absent:
        return f"absent {confidence.absent:.2f}   confidence {confidence.probability:.2f}"
    return f"confidence {confidence.probability:.2f}   ±{confidence.radius_px:.0f} px if right"
