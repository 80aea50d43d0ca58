"""Maps between two photos by the arrangement of dark blobs, which no light, turn or size changes.

Similarities on which many pairs of blobs agree are judged by how probable they make all blobs; the
best of them are refined to affine maps, and bent like skin.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, with_ones
from mel_debug.builtin.matchers.geometric.blob_field import GrownMap, grow
from mel_debug.builtin.matchers.geometric.blob_likelihood import BlobMatches, match_blobs
from mel_debug.builtin.matchers.geometric.similarity_votes import similarities
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs

SIMILAR, SIMILAR_SCALE, SIMILAR_APART = 60, 2.6, (0.04, np.inf)
"""Blobs of each photo that vote for maps of similar size, the largest scale of these, either way,
as a share of the photo, and the limits of the distance between two blobs: closer ones hardly
determine an angle. The number of votes grows with the fourth power of the blobs."""

OF_OVERVIEW, OF_CLOSE_UP, CLOSER, CLOSER_APART = 400, 24, (2.0, 6.5), (0.06, 0.5)
"""The same for an overview and a close-up. The overview shows few of its blobs in the close-up, so
that many must vote, but only those of pairs that are close to each other."""

WITHIN = (0.010, 0.008, 0.007)
"""Shares of the longer side of the closer photo: standard deviations of a blob around the place
where a map leads, from a similarity that skin only follows nearby to the last affine map."""

JUDGED, REFINED = (100, 150), (150, 200)
"""Blobs of the farther and the closer photo by which a map is judged, and with which it is refined:
those with the highest contrast."""

GROWN, DISTINCT = 8, 24
"""Most maps that are bent, of those that are refined."""

SAME = 0.02
"""Share of the longer side; maps that lead most blobs less far apart are the same."""

LEAST_FIT, MOST_ANISOTROPY = 4, 6.0
"""Matches below which no affine map is fitted, and the largest ratio of its scales."""

LEAST_WEIGHT = 0.5
"""Probability from which two blobs are taken for the same."""

SAME_SHARE = 0.3
"""Share of the blobs matched by two maps that must be the same, or the maps contradict each
other."""

LEAST_MATCHES, MOST_MAPS = 8, 2
"""Matches below which a map is not returned, and how many are at most."""

SURE = 10.0
"""Evidence from which a map needs little other confirmation, in natural logarithms. Of 68 hard
generated pairs 58 have a map with more; the best map of 204 pairs that share nothing, other people
and mirrored photos, had 4 at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """A map of shares of the longer sides, target = [x y 1] @ `affine`, and the blobs that match.

    `affine` is (3, 2); the map that `grown` was bent from. `rival` is the evidence for the best map
    that contradicts it, 0 if there is none: dots of a cloth match at many places.
    """

    affine: Array
    grown: GrownMap
    rival: float = 0.0

    @property
    def is_sure(self) -> bool:
        """Whether the blobs confirm it."""
        return self.grown.evidence - self.rival >= SURE

    def contradicts(self, other: "Arrangement") -> bool:
        """Whether most blobs that both match are not the same in the target."""
        here, there = self.grown, other.grown
        _, one, two = np.intersect1d(here.rows, there.rows, return_indices=True)
        same = here.columns[one] == there.columns[two]
        return not len(same) or float(same.mean()) < SAME_SHARE


def arrangements(here: Blobs, there: Blobs) -> list[Arrangement]:
    """Return maps between photos of similar size, the most probable one first."""
    scales = 1 / SIMILAR_SCALE, SIMILAR_SCALE
    maps = similarities(here.first(SIMILAR), there.first(SIMILAR), scales, SIMILAR_APART)
    return _arrangements(here, there, maps)


def closer_arrangements(here: Blobs, there: Blobs) -> list[Arrangement]:
    """Return maps between an overview and a close-up, either way, the most probable one first."""
    to_close_up = similarities(
        here.first(OF_OVERVIEW), there.first(OF_CLOSE_UP), CLOSER, CLOSER_APART
    )
    found = _arrangements(here, there, to_close_up)
    if not (found and found[0].is_sure):
        to_overview = similarities(
            there.first(OF_OVERVIEW), here.first(OF_CLOSE_UP), CLOSER, CLOSER_APART
        )
        found += _arrangements(here, there, map(_inverse, to_overview))
    return _best(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Map:
    """An affine map from the photo from farther away to the closer one.

    `is_source` is whether the former is the source.
    """

    affine: Array
    far: Blobs
    close: Blobs
    is_source: bool

    @classmethod
    def of(cls, affine: Array, here: Blobs, there: Blobs) -> "_Map":
        if np.linalg.det(affine[:2]) >= 1:
            return cls(affine, here, there, True)
        return cls(_inverse(affine), there, here, False)

    def mapped(self) -> Array:
        """Return (n, 2): where it leads the blobs of the farther photo."""
        places: Array = with_ones(self.far.places) @ self.affine
        return places

    def matches(self, counts: tuple[int, int], within: float) -> BlobMatches:
        """Compare as many blobs of the two photos."""
        std = np.full(len(self.far), within)
        log_scale = float(np.log(np.linalg.det(self.affine[:2]))) / 2
        close = self.close.first(counts[1])
        return match_blobs(self.far, close, self.mapped(), std, log_scale, counts[0])

    def is_same(self, other: "_Map") -> bool:
        """Whether both lead most blobs to the same places."""
        if self.is_source != other.is_source:
            return False
        apart = np.hypot(*(self.mapped() - other.mapped())[:SIMILAR].T)
        return bool(np.median(apart) < SAME)

    def refined(self) -> "_Map | None":
        """Return the affine map of weighted least squares; None if there is none."""
        found = self
        for within in WITHIN:
            matches = found.matches(REFINED, within)
            if matches.weights.sum() < LEAST_FIT:
                return None
            root = np.sqrt(matches.weights)[:, np.newaxis]
            far, close = self.far.places[matches.far], self.close.places[matches.close]
            affine = np.linalg.lstsq(root * with_ones(far), root * close, rcond=None)[0]
            long, short = np.linalg.svd(affine[:2], compute_uv=False)
            if np.linalg.det(affine[:2]) <= 0 or long > MOST_ANISOTROPY * short:
                return None
            found = _Map(affine, self.far, self.close, self.is_source)
        return found

    def grown(self) -> Arrangement | None:
        """Bend the map; return None if few blobs match."""
        far, close = self.matches(REFINED, WITHIN[-1]).pairs(LEAST_WEIGHT)
        if len(far) < LEAST_FIT:
            return None
        if self.is_source:
            affine, found = self.affine, grow(self.affine, far, close, self.far, self.close)
        else:
            affine = _inverse(self.affine)
            found = grow(affine, close, far, self.close, self.far)
        return Arrangement(affine, found) if len(found.rows) >= LEAST_MATCHES else None


def _arrangements(here: Blobs, there: Blobs, maps: Iterator[Array]) -> list[Arrangement]:
    """Return the best maps, bent, of those that are likely."""
    first = _sorted([_Map.of(each, here, there) for each in maps], JUDGED, WITHIN[0])
    distinct: list[_Map] = []
    for each in first:
        if len(distinct) < DISTINCT and not any(each.is_same(other) for other in distinct):
            distinct.append(each)
    refined = [found for each in distinct if (found := each.refined())]
    grown: list[Arrangement] = []
    for each in _sorted(refined, REFINED, WITHIN[-1])[:GROWN]:
        if bent := each.grown():
            grown.append(bent)
        if len(grown) >= MOST_MAPS and any(some.is_sure for some in grown):
            break
    return _best(grown)


def _sorted(maps: list[_Map], counts: tuple[int, int], within: float) -> list[_Map]:
    return sorted(maps, key=lambda each: -each.matches(counts, within).likelihood)


def _best(found: list[Arrangement]) -> list[Arrangement]:
    """Return the best maps, which know the evidence for their rivals."""
    best = []
    for each in sorted(found, key=lambda each: -each.grown.evidence)[:MOST_MAPS]:
        rivals = [other.grown.evidence for other in found if each.contradicts(other)]
        best.append(replace(each, rival=max([0.0, *rivals])))
    return best


def _inverse(affine: Array) -> Array:
    """Return the inverse of an affine map, (3, 2)."""
    inverse: Array = np.linalg.inv(np.column_stack([affine, [0.0, 0.0, 1.0]]))[:, :2]
    return inverse
