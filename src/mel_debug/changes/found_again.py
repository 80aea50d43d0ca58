"""Spots that the comparison of two photos can't tell, but that the search finds in both."""

from collections.abc import Sequence
from dataclasses import replace

from mel_debug.changes.comparer import Comparer
from mel_debug.changes.evidence import OUT_OF_VIEW
from mel_debug.changes.places import Kind, Place
from mel_debug.core.types import Match

SEARCHED = 60
"""Spots of a pair that are searched for, at most: the strongest. A search takes 0.2 s."""

FOUND_NEAR = 0.03
"""Farthest place from where the map leads, as a share of the longer side, at which a spot is found.

The map of the labelled pair is up to 0.011 off (`overlay.BESIDE`), and more where skin is seen at a
grazing angle.
"""

HARDLY_NEW = 0.6
"""Probability below which a new spot is searched for as well, as is one at a doubtful place."""

UNMARKED = "the search finds it in the earlier photo, which does not mark it"


def without_found(listed: Sequence[tuple[float, Place]], comparer: Comparer) -> list[Place]:
    """The spots of a pair of photos, (response, place), without those that the search finds.

    The search compares more than darkness, and corrects the map. Only a spot that can't be told, is
    hardly new, or lies where the map may be off, is searched for. One that is marked stays, with
    the reason.
    """
    matches = _searched(listed, comparer)
    found = []
    for number, (_, place) in enumerate(listed):
        match = matches.get(str(number))
        if match is None or not _is_found(match, place, comparer):
            found.append(place)
        elif place.uuid is not None:
            found.append(
                replace(
                    place,
                    kind=Kind.CANNOT_TELL,
                    confidence=None,
                    there=match.best,
                    reason=UNMARKED,
                )
            )
    return found


def _searched(listed: Sequence[tuple[float, Place]], comparer: Comparer) -> dict[str, Match]:
    """The matches of the strongest spots that are unsure, by their number."""
    unsure = [
        (response, number, place)
        for number, (response, place) in enumerate(listed)
        if _is_unsure(place)
    ]
    strongest = sorted(unsure, key=lambda each: -each[0])[:SEARCHED]
    places = {str(number): place for _, number, place in strongest}
    points = {
        number: place.here
        for number, place in places.items()
        if comparer.unsearchable(number, place.photo, place.here) is None
    }
    if not points:
        return {}
    _, _, one = strongest[0]
    return comparer.find(one.photo, points, one.other)


def _is_unsure(place: Place) -> bool:
    if place.kind is Kind.CANNOT_TELL:
        return place.reason != OUT_OF_VIEW
    return place.doubtful or (place.confidence is not None and place.confidence < HARDLY_NEW)


def _is_found(match: Match, place: Place, comparer: Comparer) -> bool:
    sure = match.confidence
    if sure is None or sure.uncertain or place.there is None:
        return False
    reach = FOUND_NEAR * comparer.photo(place.other).size.longest
    return match.best.distance_to(place.there) <= reach
