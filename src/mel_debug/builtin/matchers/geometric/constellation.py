"""Maps between two photos by the arrangement of dark blobs, which no light, turn or size changes.

Similarities on which many pairs of blobs agree are judged by how probable they make all blobs; the
best of them are refined to affine maps, and bent like skin.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags, with_ones
from mel_debug.builtin.matchers.geometric.blob_field import (
    FAR_STEPS,
    STEPS,
    GrownMap,
    grow,
)
from mel_debug.builtin.matchers.geometric.blob_likelihood import match_blobs
from mel_debug.builtin.matchers.geometric.local_maps import LocalMap, local_maps
from mel_debug.builtin.matchers.geometric.similarity_votes import (
    similarities,
    tilted_similarities,
)
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, Numbers

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

DISTINCT, CENTRES, GROWN = 60, 200, 6
"""Most maps whose small regions are searched, blobs of the farther photo that may be at their
centres, and most regions that are grown."""

SAME, COMPARED = 0.02, 60
"""Share of the longer side; maps that lead most blobs less far apart are the same."""

SAME_SHARE = 0.3
"""Share of the blobs matched by two maps that must be the same, or the maps contradict each
other."""

EXTENSIONS, LEAST_GAIN, LEAST_LIKELIHOOD = 4, 1.1, 8.0
"""How often a map is extended at most, how many times as many blobs must match each time, and the
least likelihood of a region that extends it."""

LEAST_MATCHES, MOST_MAPS = 5, 2
"""Matches below which a map is not returned, and how many are at most."""

SURE, LIKELY = 20.0, 5.0
"""Evidence from which a map needs little other confirmation, and from which it needs less, in
natural logarithms."""

MOST_RIVAL = 0.5
"""Largest evidence for a rival, as a share of that for a map that is likely. Dots of a cloth, two
dots farther along, have 0.8."""


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
        return self._is_above(SURE)

    @property
    def is_likely(self) -> bool:
        """Whether the blobs speak for it."""
        return self._is_above(LIKELY)

    def _is_above(self, least: float) -> bool:
        evidence = self.grown.evidence
        return evidence - self.rival >= least and self.rival <= MOST_RIVAL * evidence

    def contradicts(self, other: "Arrangement") -> bool:
        """Whether most blobs that both match are not matched to the same ones."""
        one, other = self.grown, other.grown
        shared = max(
            len(np.intersect1d(one.rows, other.rows)),
            len(np.intersect1d(one.columns, other.columns)),
        )
        return len(one.pairs & other.pairs) < SAME_SHARE * shared


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

    def regions(self) -> Iterator["_Region"]:
        """Yield the maps of small regions that begin with this one."""
        places = self.far.places[:CENTRES][_in_view(self.mapped()[:CENTRES], self.close)]
        for each in local_maps(lambda _: self.affine, places, self.far, self.close):
            yield _Region.of(each, self.is_source)


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """A map of a small region from source to target, and the blobs that match; see `LocalMap`."""

    affine: Array
    rows: Numbers
    columns: Numbers
    likelihood: float

    @classmethod
    def of(cls, found: LocalMap, is_source: bool) -> "_Region":
        """`is_source` is whether the photo from farther away is the source."""
        if is_source:
            return cls(found.affine, found.far, found.close, found.likelihood)
        return cls(_inverse(found.affine), found.close, found.far, found.likelihood)

    def is_part_of(self, other: Arrangement) -> bool:
        """Whether it matches the same blobs."""
        _, one, two = np.intersect1d(self.rows, other.grown.rows, return_indices=True)
        same = self.columns[one] == other.grown.columns[two]
        return bool(same.sum() > len(self.rows) / 2)


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
        if any(region.is_part_of(some) for some in found):
            continue
        found.append(_grown(region.affine, region.rows, region.columns, here, there))
        if len(found) >= GROWN or (len(found) >= MOST_MAPS and any(f.is_sure for f in found)):
            break
    found = [each for each in found if len(each.grown.rows) >= LEAST_MATCHES]
    found += _joined(found, here, there)
    if not found:
        return []
    best = max(found, key=lambda each: each.grown.evidence)
    return _best([*found, *_extended(best, here, there)])


def _joined(found: list[Arrangement], here: Blobs, there: Blobs) -> list[Arrangement]:
    """Return the map that begins with the matches of the best one and of those that agree."""
    likely = sorted((f for f in found if f.grown.evidence > 0), key=lambda f: -f.grown.evidence)
    agreeing = [each for each in likely if not each.contradicts(likely[0])]
    if len(agreeing) < 2:
        return []
    rows, columns = agreeing[0].grown.rows, agreeing[0].grown.columns
    for each in agreeing[1:]:
        rows, columns = _with_new(rows, columns, each.grown.rows, each.grown.columns)
    return [_grown(_affine(rows, columns, here, there), rows, columns, here, there)]


def _with_new(
    rows: Numbers, columns: Numbers, more: Numbers, others: Numbers
) -> tuple[Numbers, Numbers]:
    """Return the matches and those of the others whose blobs are not matched yet."""
    new = ~np.isin(more, rows) & ~np.isin(others, columns)
    return np.append(rows, more[new]), np.append(columns, others[new])


def _extended(found: Arrangement, here: Blobs, there: Blobs) -> Iterator[Arrangement]:
    """Yield a map grown into regions beside those that it knows, as long as more blobs match.

    The last one is that grown to blobs farther away.
    """
    if found.grown.evidence <= 0:
        return
    for _ in range(EXTENSIONS):
        rows, columns = found.grown.rows, found.grown.columns
        for region in _regions_beside(found, here, there):
            rows, columns = _with_new(rows, columns, region.rows, region.columns)
        if len(rows) < LEAST_GAIN * len(found.grown.rows):
            break
        more = _grown(_affine(rows, columns, here, there), rows, columns, here, there)
        if len(more.grown.rows) < LEAST_MATCHES:
            break
        found = more
        yield found
    rows, columns = found.grown.rows, found.grown.columns
    yield _grown(found.affine, rows, columns, here, there, FAR_STEPS)


def _regions_beside(found: Arrangement, here: Blobs, there: Blobs) -> Iterator[_Region]:
    """Yield the maps of regions that begin with a bent map, where enough blobs match."""
    grown, is_source = found.grown, bool(np.linalg.det(found.affine[:2]) >= 1)
    if is_source:
        far, close, rough = here, there, grown.affine_at
        places = here.places[:CENTRES]
        usable = grown.known(places) & _in_view(grown.mapped(places), there)
    else:
        far, close = there, here
        places = there.places[:CENTRES]
        back = grown.inverse(places)
        usable = grown.known(back) & _in_view(back, here)

        def rough(place: Array) -> Array:
            return _inverse(grown.affine_at(grown.inverse(place[np.newaxis])[0]))

    for each in local_maps(rough, places[usable], far, close):
        if each.likelihood >= LEAST_LIKELIHOOD:
            yield _Region.of(each, is_source)


def _grown(
    affine: Array,
    rows: Numbers,
    columns: Numbers,
    here: Blobs,
    there: Blobs,
    steps: tuple[tuple[float, float], ...] = STEPS,
) -> Arrangement:
    """Bend a map, and return it with the affine map of all blobs that match in the end."""
    grown = grow(affine, rows, columns, here, there, steps)
    if len(grown.rows) >= LEAST_MATCHES:
        affine = _affine(grown.rows, grown.columns, here, there)
    return Arrangement(affine, grown)


def _affine(rows: Numbers, columns: Numbers, here: Blobs, there: Blobs) -> Array:
    """Return the affine map of least squares, (3, 2), of blobs that match."""
    affine: Array = np.linalg.lstsq(
        with_ones(here.places[rows]), there.places[columns], rcond=None
    )[0]
    return affine


def _in_view(places: Array, photo: Blobs) -> Flags:
    inside: Flags = ((places > 0) & (places < photo.extent)).all(axis=1)
    return inside


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
