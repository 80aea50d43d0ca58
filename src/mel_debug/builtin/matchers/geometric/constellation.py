"""Maps between two photos by the arrangement of dark blobs, which no light, turn or size changes.

Similarities on which many pairs of blobs agree, also when a photo is tilted, are judged by how
probable they make the blobs. Those of small regions are made exact, and the best of these bent over
the body.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, with_ones
from mel_debug.builtin.matchers.geometric.bent_arrangements import (
    LEAST_MATCHES,
    Arrangement,
    extended,
    grown,
    joined,
)
from mel_debug.builtin.matchers.geometric.blob_likelihood import match_blobs
from mel_debug.builtin.matchers.geometric.local_maps import (
    CENTRES,
    LocalMap,
    inverse_of,
    local_maps,
)
from mel_debug.builtin.matchers.geometric.similarity_votes import (
    similarities,
    tilted_similarities,
)
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, pairs_of

SIMILAR, FEW, SIMILAR_SCALE, SIMILAR_APART = 60, 40, 2.6, (0.04, np.inf)
"""Blobs of each photo that vote for maps of similar size, the largest scale of these, either way,
as a share of the photo, and the limits of the distance between two blobs: closer ones hardly
determine an angle. The number of votes grows with the fourth power of the blobs."""

OF_OVERVIEW, OF_CLOSE_UP, CLOSER, CLOSER_APART = 400, 24, (2.0, 6.5), (0.06, 0.5)
"""The same for an overview and a close-up. The overview shows few of its blobs in the close-up, so
that many must vote, but only those of pairs that are close to each other."""

WITHIN, JUDGED = 0.010, (60, 100)
"""Standard deviation of a blob around the place where a similarity leads, a share of the longer
side of the closer photo, and the blobs of the farther and the closer photo by which it is judged:
those with the highest contrast."""

DISTINCT, GROWN = 60, 6
"""Most maps whose small regions are searched, and most regions that are grown."""

NEAR_RIVAL = 0.2
"""Evidence for a rival, as a share of that for the best map, above which further regions are grown:
of dots of a cloth, the first rival may be two dots farther along, and the next one dot."""

SAME, COMPARED = 0.02, 60
"""Share of the longer side; maps that lead most blobs less far apart are the same."""

MOST_MAPS = 2
"""Most maps that are returned."""


def arrangements(here: Blobs, there: Blobs) -> list[Arrangement]:
    """Return maps between photos of similar size, the most probable one first."""
    scales = 1 / SIMILAR_SCALE, SIMILAR_SCALE
    maps: list[Array] = []
    for count, votes in ((SIMILAR, similarities), (FEW, similarities), (FEW, tilted_similarities)):
        maps += votes(here.first(count), there.first(count), scales, SIMILAR_APART)
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
        found += _arrangements(here, there, map(inverse_of, to_overview))
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
        return cls(inverse_of(affine), there, here, False)

    def mapped(self) -> Array:
        """Return (n, 2): where it leads the blobs of the farther photo."""
        places: Array = with_ones(self.far.places) @ self.affine
        return places

    def likelihood(self) -> float:
        """Compare the blobs with the highest contrast."""
        far, close = JUDGED
        std = np.full(len(self.far), WITHIN)
        log_scale = float(np.log(np.linalg.det(self.affine[:2]))) / 2
        return match_blobs(
            self.far, self.close.first(close), self.mapped(), std, log_scale, far
        ).likelihood

    def is_same(self, other: "_Map") -> bool:
        """Whether both lead most blobs to the same places."""
        if self.is_source != other.is_source:
            return False
        apart = np.hypot(*(self.mapped() - other.mapped())[:COMPARED].T)
        return bool(np.median(apart) < SAME)

    def regions(self) -> Iterator[LocalMap]:
        """Yield the maps of small regions that begin with this one."""
        places = self.far.places[:CENTRES][self.close.in_view(self.mapped()[:CENTRES])]
        for each in local_maps(lambda _: self.affine, places, self.far, self.close):
            yield each if self.is_source else each.inverse()


def _arrangements(here: Blobs, there: Blobs, maps: Iterable[Array]) -> list[Arrangement]:
    """Return the best maps, grown from small regions, of those that are likely."""
    likely = sorted((_Map.of(each, here, there) for each in maps), key=lambda m: -m.likelihood())
    distinct: list[_Map] = []
    for each in likely:
        if len(distinct) < DISTINCT and not any(each.is_same(other) for other in distinct):
            distinct.append(each)
    regions = sorted((r for each in distinct for r in each.regions()), key=lambda r: -r.likelihood)
    found: list[Arrangement] = []
    for region in regions:
        pairs = pairs_of(region.rows, region.columns)
        if any(len(pairs & some.grown.pairs) > len(pairs) / 2 for some in found):
            continue
        found.append(grown(region.affine, region.rows, region.columns, here, there))
        if len(found) >= GROWN or (len(found) >= MOST_MAPS and _is_decided(found)):
            break
    found = [each for each in found if len(each.grown.rows) >= LEAST_MATCHES]
    found += joined(found, here, there)
    if not found:
        return []
    best = max(found, key=lambda each: each.grown.evidence)
    return _best([*found, *extended(best, here, there)])


def _is_decided(found: list[Arrangement]) -> bool:
    """Whether a map is sure, and none that contradicts it comes near."""
    best = _best(found)[0]
    return best.is_sure and best.rival <= NEAR_RIVAL * best.grown.evidence


def _best(found: list[Arrangement]) -> list[Arrangement]:
    """Return the best maps, which know the evidence for their rivals."""
    best = []
    for each in sorted(found, key=lambda each: -each.grown.evidence)[:MOST_MAPS]:
        rivals = [other.grown.evidence for other in found if each.contradicts(other)]
        best.append(replace(each, rival=max([0.0, *rivals])))
    return best
