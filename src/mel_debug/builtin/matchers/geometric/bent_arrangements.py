"""Arrangements of blobs that are known in a small region, and bent from there over the body."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, Flags, with_ones
from mel_debug.builtin.matchers.geometric.blob_field import FAR_STEPS, STEPS, GrownMap, grow
from mel_debug.builtin.matchers.geometric.local_maps import (
    CENTRES,
    LocalMap,
    inverse_of,
    local_maps,
)
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, Numbers

SAME_SHARE = 0.3
"""Share of the blobs matched by two maps that must be the same, or the maps contradict each
other."""

EXTENSIONS, LEAST_GAIN, LEAST_LIKELIHOOD = 4, 1.1, 8.0
"""How often a map is extended at most, how many times as many blobs must match each time, and the
least likelihood of a region that extends it."""

LEAST_MATCHES = 5
"""Matches below which a map is not returned."""

SURE, LIKELY = 20.0, 5.0
"""Evidence from which a map needs little other confirmation, and from which it needs less, in
natural logarithms. While this was designed, the best map of 68 pairs of other people had 6, and
that of 68 mirrored photos 7, but for one of 18. Of 68 hard pairs, some of them close-ups that are
sought otherwise, 52 had more than 20."""

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

    @property
    def lead(self) -> float:
        """The evidence for it, less that for its rival."""
        return self.grown.evidence - self.rival

    def _is_above(self, least: float) -> bool:
        return self.lead >= least and self.rival <= MOST_RIVAL * self.grown.evidence

    def contradicts(self, other: "Arrangement") -> bool:
        """Whether most blobs that both match are not matched to the same ones."""
        one, two = self.grown, other.grown
        shared = max(
            len(np.intersect1d(one.rows, two.rows)),
            len(np.intersect1d(one.columns, two.columns)),
        )
        return len(one.pairs & two.pairs) < SAME_SHARE * shared


def grown(
    affine: Array,
    rows: Numbers,
    columns: Numbers,
    here: Blobs,
    there: Blobs,
    steps: tuple[tuple[float, float], ...] = STEPS,
) -> Arrangement:
    """Bend a map, and return it with the affine map of all blobs that match in the end."""
    bent = grow(affine, rows, columns, here, there, steps)
    if len(bent.rows) >= LEAST_MATCHES:
        fitted = _affine(bent.rows, bent.columns, here, there)
        affine = affine if fitted is None else fitted
    return Arrangement(affine, bent)


def joined(found: list[Arrangement], here: Blobs, there: Blobs) -> list[Arrangement]:
    """Return the map that begins with the matches of the best one and of those that agree."""
    likely = sorted((f for f in found if f.grown.evidence > 0), key=lambda f: -f.grown.evidence)
    agreeing = [each for each in likely if not each.contradicts(likely[0])]
    if len(agreeing) < 2:
        return []
    rows, columns = agreeing[0].grown.rows, agreeing[0].grown.columns
    for each in agreeing[1:]:
        rows, columns = _with_new(rows, columns, each.grown.rows, each.grown.columns)
    affine = _affine(rows, columns, here, there)
    return [] if affine is None else [grown(affine, rows, columns, here, there)]


def extended(found: Arrangement, here: Blobs, there: Blobs) -> Iterator[Arrangement]:
    """Yield a map grown into regions beside those that it knows, as long as more blobs match.

    The last one is that grown to blobs farther away.
    """
    if found.grown.evidence <= 0:
        return
    for _ in range(EXTENSIONS):
        rows, columns = found.grown.rows, found.grown.columns
        for region in _regions_beside(found, here, there):
            rows, columns = _with_new(rows, columns, region.rows, region.columns)
        affine = _affine(rows, columns, here, there)
        if affine is None or len(rows) < LEAST_GAIN * len(found.grown.rows):
            break
        more = grown(affine, rows, columns, here, there)
        if len(more.grown.rows) < LEAST_MATCHES:
            break
        found = more
        yield found
    rows, columns = found.grown.rows, found.grown.columns
    yield grown(found.affine, rows, columns, here, there, FAR_STEPS)


def _regions_beside(found: Arrangement, here: Blobs, there: Blobs) -> Iterator[LocalMap]:
    """Yield the maps of regions that begin with a bent map, where enough blobs match."""
    field, is_source = found.grown, bool(np.linalg.det(found.affine[:2]) >= 1)
    if is_source:
        far, close, rough = here, there, field.affine_at
        places = here.places[:CENTRES]
        usable: Flags = field.known(places) & there.in_view(field.mapped(places))
    else:
        far, close = there, here
        places = there.places[:CENTRES]
        back = field.inverse(places)
        usable = field.known(back) & here.in_view(back)

        def rough(place: Array) -> Array:
            return inverse_of(field.affine_at(field.inverse(place[np.newaxis])[0]))

    for each in local_maps(rough, places[usable], far, close):
        if each.likelihood >= LEAST_LIKELIHOOD:
            yield each if is_source else each.inverse()


def _with_new(
    rows: Numbers, columns: Numbers, more: Numbers, others: Numbers
) -> tuple[Numbers, Numbers]:
    """Return the matches and those of the others whose blobs are not matched yet."""
    new = ~np.isin(more, rows) & ~np.isin(others, columns)
    return np.append(rows, more[new]), np.append(columns, others[new])


def _affine(rows: Numbers, columns: Numbers, here: Blobs, there: Blobs) -> Array | None:
    """Return the affine map of least squares, (3, 2), of blobs that match; None for a mirrored one.

    Matches that all lie on a line determine none.
    """
    places = with_ones(here.places[rows])
    affine, _, rank, _ = np.linalg.lstsq(places, there.places[columns], rcond=None)
    return affine if rank == 3 and np.linalg.det(affine[:2]) > 0 else None
