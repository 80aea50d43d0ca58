"""The evidence that two photos show at the spots of one of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mel_debug.changes.evidence import MAP_UNKNOWN, NOT_VOUCHED, Evidence
from mel_debug.changes.peaks import Spot
from mel_debug.changes.shared_frame import SharedFrame

Array = NDArray[np.float64]

NEIGHBOURS = 8
"""Nearest spots that vouch for a place."""

VOUCHING = 2
"""Neighbours that must agree with the map for a place to be vouched for."""

DISTINCT_VOUCHING = 4
"""Neighbours of at least `DISTINCT` that vouch for a place as well, where weak ones do not: close
to a mole those are often hairs, which lie otherwise each day. Of 18 places of a real pair where the
map is wrong, at most 2 of 8 distinct neighbours agree."""

WELL_VOUCHING = 6
"""Neighbours from which the map is right to a few pixels. On the labelled pair, whose map is wrong
in places, at most 5 of 8 agree around any spot that seems new for that."""

NEIGHBOURHOOD = 0.2
"""Farthest neighbour, as a share of the longer side."""

AGREES = 0.5
"""Share of a spot's response that the other photo must show there for the two to be one spot."""

STRONG = 0.05
"""Least response of a spot that vouches."""

DISTINCT, LEAST_LASTING = 0.1, 5
"""Least response and least number of spots in both photos from which the colour of melanin is
known."""

MELANIN = 0.48
"""Response of melanin in red over that in green, where the photos do not show it."""

SLACK_PX = 3.0
"""Least radius, in pixels of the frame, in which the other photo may show a spot."""

SLACK, LEAST_SLACK = 1.0, 0.5
"""That radius in sigmas of the spot, and where neighbours vouch well for the map. A pimple at the
rim of a new mole's place is not that mole, yet within a sigma of it."""

BESIDE = 0.012
"""Distance, as a share of the longer side, within which a spot without a counterpart in one photo
may be one without a counterpart in the other. The map is off by up to 0.011 beside a strap and
where skin is seen at a grazing angle, whatever its standard deviation says."""

ALIKE, LEVELS_ALIKE = 0.5, 2
"""Least response of such a spot, as a share of the other's, and the most scales by which it may be
smaller. It may be larger, as a long mole in one photo is often a row of small spots."""

MOST_STD, KNOWN_STD = 60.0, 7.0
"""Standard deviations of the map in pixels of the frame: from the first on it leads nowhere; below
the second it is known to a cell."""

LIKE_SIZED = 15
"""Spots of similar size from which the blur of the other photo is known."""

LEAST_SHARP = 0.45
"""Least share of the response of like-sized spots: below it, the other photo is too blurred."""


@dataclass(frozen=True, eq=False)
class Overlay(SharedFrame):
    """A photo, and what another photo shows at its spots."""

    @cached_property
    def spots(self) -> list[Spot]:
        """The spots of the photo."""
        return self.own.spots()

    @cached_property
    def _table(self) -> Array:
        """(spots, 5): x, y, level, own response, and the other's, NaN where it is unknown."""
        rows = []
        for spot in self.spots:
            known = self.obstacle(spot) is None
            other = self.other.strongest(spot, self._radius(spot)) if known else np.nan
            rows.append([spot.x, spot.y, spot.level, spot.response, other])
        return np.array(rows).reshape(-1, 5)

    def _radius(self, spot: Spot, slack: float = SLACK) -> float:
        """Pixels of the frame within which the other photo may show a spot."""
        return max(SLACK_PX, slack * spot.sigma)

    def evidence(self, spot: Spot) -> Evidence:
        """What both photos show at a spot of the photo."""
        table = self._table
        away = np.hypot(table[:, 0] - spot.x, table[:, 1] - spot.y)
        agrees, distinct = (self._agreeing(spot, away, least) for least in (STRONG, DISTINCT))
        sharp = self._sharpness(spot)
        point = np.array([[spot.x, spot.y]]) * self.scale
        zoom = abs(np.linalg.det(self.warp.jacobians(point)[0])) ** 0.5
        std = float(self.warp.std_px(point)[0] / (zoom * self.scale.mean()))
        # Where the map leads nowhere, what it shows of the other photo is no reason either.
        reason = MAP_UNKNOWN if std > MOST_STD else self.obstacle(spot)
        # The map's own std is high wherever a mole came or went, as nothing matches there, so it
        # can't speak against a place; but where it is low it stands for a second neighbour.
        enough = VOUCHING - 1 if std < KNOWN_STD else VOUCHING
        vouched = agrees.sum() >= enough or distinct.sum() >= DISTINCT_VOUCHING
        if reason is None and not vouched:
            reason = NOT_VOUCHED
        elif reason is None and sharp < LEAST_SHARP:
            reason = "the other photo is too blurred for a spot of this size"
        well_vouched = bool(agrees.sum() >= WELL_VOUCHING)
        slack = LEAST_SLACK if well_vouched else SLACK
        other = self.other.strongest(spot, self._radius(spot, slack))
        if reason is None and other < AGREES * spot.response and self.other.is_covered(spot):
            reason = "covered or in deep shade in the other photo"
        return Evidence(
            own=spot.response * min(1.0, sharp),
            other=other,
            vouching=float(agrees.mean()) if len(agrees) else 0.0,
            hue=self._hue(spot),
            sigma=spot.sigma,
            std=std,
            obstacle=reason,
            beside=self._has_one_beside(spot),
            well_vouched=well_vouched,
        )

    def _agreeing(self, spot: Spot, away: Array, least: float) -> NDArray[np.bool_]:
        """Whether each of the nearest spots with at least a response agrees with the map.

        `away` is (spots,), the distance of each spot of the photo.
        """
        table = self._table
        some = (table[:, 3] > least) & (away > 2 * spot.sigma) & np.isfinite(table[:, 4])
        some &= away < NEIGHBOURHOOD * self.size.longest
        nearest = np.flatnonzero(some)[np.argsort(away[some])[:NEIGHBOURS]]
        agrees: NDArray[np.bool_] = table[nearest, 4] > AGREES * table[nearest, 3]
        return agrees

    def _has_one_beside(self, spot: Spot) -> bool:
        """Whether the other photo has a similar spot nearby that this photo lacks."""
        places = self._other_places
        near = np.hypot(places[:, 0] - spot.x, places[:, 1] - spot.y)
        for index in np.flatnonzero(near < BESIDE * self.size.longest):
            other = self._other_spots[index]
            alike = other.level >= spot.level - LEVELS_ALIKE
            if alike and other.response > ALIKE * spot.response:
                shown = self.own.strongest(other, self._radius(other))
                if shown < AGREES * other.response:
                    return True
        return False

    @cached_property
    def _other_spots(self) -> list[Spot]:
        return self.other.spots()

    @cached_property
    def _other_places(self) -> Array:
        """(spots, 2): x and y of the other photo's spots in the frame."""
        return np.array([[spot.x, spot.y] for spot in self._other_spots]).reshape(-1, 2)

    def _sharpness(self, spot: Spot) -> float:
        """The share of the response that like-sized spots nearby have in the other photo."""
        table = self._table
        same = (np.abs(table[:, 2] - spot.level) <= 1) & (table[:, 4] > AGREES / 2 * table[:, 3])
        same &= (table[:, 3] > STRONG) & (
            np.hypot(table[:, 0] - spot.x, table[:, 1] - spot.y) > 0.5
        )
        if same.sum() < 3:
            return 1.0
        away = np.hypot(table[same, 0] - spot.x, table[same, 1] - spot.y)
        some = np.flatnonzero(same)[np.argsort(away)[:LIKE_SIZED]]
        return float(np.median(table[some, 4] / table[some, 3]))

    def _hue(self, spot: Spot) -> float:
        return self._red_share(spot) / self._usual_red_share

    def _red_share(self, spot: Spot) -> float:
        return self.own.at(spot, red=True) / max(spot.response, 1e-6)

    @cached_property
    def _usual_red_share(self) -> float:
        """That of spots in both photos, which are moles and freckles.

        It depends on the camera and the light: about 0.46 on generated photos, 0.25 on real ones,
        in which red is close to its limit on fair skin.
        """
        table = self._table
        lasting = (table[:, 3] > DISTINCT) & (table[:, 4] > AGREES * table[:, 3])
        shares = [self._red_share(self.spots[index]) for index in np.flatnonzero(lasting)]
        return max(float(np.median(shares)), 0.05) if len(shares) >= LEAST_LASTING else MELANIN
