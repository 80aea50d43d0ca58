"""Laws of the search for a first geometry: what is tried, and when it ends."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric import first_geometry as module
from mel_debug.builtin.matchers.geometric.arrays import CellFeatures
from mel_debug.builtin.matchers.geometric.attempts import Attempt
from mel_debug.builtin.matchers.geometric.canvas import Canvas, Rematch
from mel_debug.builtin.matchers.geometric.first_fit import CONFIRMED_SHARE, FirstFit
from mel_debug.builtin.matchers.geometric.first_geometry import (
    LEAST_INLIERS,
    agrees,
    first_geometry,
)
from mel_debug.builtin.matchers.geometric.matcher import _details
from mel_debug.builtin.matchers.geometric.photos import Photos
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.warp_field import SHARED_PIXELS, WarpField

CELLS = CellFeatures(np.zeros((40, 40, 1), np.float32), np.ones((40, 40), bool), np.ones(2))
SAME = PlaneMap(np.eye(3))
SHIFTED = PlaneMap(np.array([[1.0, 0, 8], [0, 1, 0], [0, 0, 1]]))

KINDS = [
    "mutual",
    "mutual flat",
    "blobs flat",
    "close-ups flat",
    "distinct flat",
    "keypoints flat",
    "distinct",
    "keypoints",
    "sizes",
]


CONFIRMED = [kind for kind in KINDS if kind != "close-ups flat"]
"""The kinds that are tried although a geometry is confirmed."""


def fit(found: PlaneMap = SAME) -> FirstFit:
    """Return a fit of 100 matches all over the photo that follow a map."""
    at = np.stack(np.meshgrid(np.arange(10), np.arange(10)), axis=-1).reshape(-1, 2) * 4.0 + 2
    return FirstFit(at, found(at), np.ones(100, bool), found, SHARED_PIXELS)


def attempt(share: float, judged: int) -> Attempt:
    """Return an attempt at the same geometry, which this share of 400 matches confirms."""
    at = fit().source
    field = WarpField(SAME, CELLS.valid.shape)
    field.grow(at, np.zeros_like(at), np.ones(100, bool))
    places = np.zeros((400, 2))
    rematch = Rematch(places, places, np.full(400, 6.0))
    sure, confirming = np.ones(400, bool), np.arange(400) < round(share * 400)
    return Attempt(CELLS, field, Canvas.__new__(Canvas), rematch, sure, confirming, 400, judged)


class SomePhotos:
    """Photos of which each kind of matches is given."""

    is_flat = False

    def flat(self) -> "SomePhotos":
        return self

    def source_at(self, _: float) -> CellFeatures:
        return CELLS


@dataclass
class Search:
    """A search in which the maps of each kind are given, and the shares that confirm them.

    A kind that is not given has one map elsewhere that 4 % confirm. `least` is the share of matches
    that must confirm each, `sure` the kind whose maps are right whatever features say, `spots` is
    whether dark spots make sure of maps that features don't confirm, `tried` are
    the kinds in the order in which their maps were judged, and `tries` how often each may be
    refined.
    """

    maps: dict[str, list[tuple[PlaneMap, float]]]
    judged: int = 1
    least: float = CONFIRMED_SHARE
    sure: str | None = None
    spots: bool = False
    tried: list[str] = field(default_factory=list)
    tries: list[int] = field(default_factory=list)

    def run(self, monkeypatch: pytest.MonkeyPatch) -> module.FirstGeometry:
        """Return the geometry that is found."""
        shares: list[float] = []

        def given(name: str) -> Iterator[FirstFit]:
            for found, share in self.maps.get(name, [(SHIFTED, 0.04)]):
                self.tried.append(name)
                shares.append(share)
                std = 0.5 if name == self.sure else None
                yield replace(fit(found), least=self.least, sure_std=std)

        def judge(_fit: FirstFit, _photos: object, tries: int) -> Attempt:
            self.tries.append(tries)
            return attempt(shares[-1], self.judged)

        kinds = [
            replace(kind, fits=lambda _, name=name: given(name))  # type: ignore[misc]
            for kind, name in zip(module.KINDS, KINDS, strict=True)
        ]
        monkeypatch.setattr(module, "KINDS", tuple(kinds))
        monkeypatch.setattr(module, "attempt_of", judge)
        monkeypatch.setattr(module, "spots_confirm", lambda *_: self.spots)
        return first_geometry(SomePhotos())  # type: ignore[arg-type]


def test_a_clear_geometry_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first kind leads to it on most pairs."""
    search = Search({"mutual": [(SAME, 0.7)]})
    assert search.run(monkeypatch).tried == 1
    assert search.tried == KINDS[:1]


def test_a_fair_geometry_that_flattened_matches_agree_with_ends_the_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No keypoints are detected, nor other matches of the photos as they are judged."""
    search = Search({"mutual": [(SAME, 0.5)], "mutual flat": [(SAME, 0.2)]})
    found = search.run(monkeypatch)
    assert found.attempt is not None
    assert found.attempt.share == pytest.approx(0.5)
    assert search.tried == CONFIRMED[:4]


def test_a_fair_geometry_that_flattened_matches_do_not_agree_with_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be one of shadows: keypoints without the light may lead elsewhere."""
    search = Search({"mutual": [(SAME, 0.5)], "keypoints flat": [(SHIFTED, 0.45)]})
    found = search.run(monkeypatch)
    assert found.attempt is not None
    assert found.attempt.share == pytest.approx(0.45)
    assert search.tried == CONFIRMED[:5]


def test_the_number_of_matchings_is_limited_once_a_geometry_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three for each map: four maps, although more kinds are left."""
    search = Search({"mutual": [(SAME, 0.35)]}, judged=3)
    found = search.run(monkeypatch)
    assert found.attempt is not None
    assert search.tried[: found.tried] == CONFIRMED[:4]
    assert found.tried == len(search.tries) == 4


def test_every_kind_is_tried_while_none_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many matchings that takes."""
    search = Search({}, judged=3)
    found = search.run(monkeypatch)
    assert found.attempt is None
    assert search.tried == KINDS
    assert found.tried == len(KINDS)


def test_keypoints_at_full_size_are_not_detected_once_a_geometry_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that the arrangement of blobs alone confirms is compared with theirs."""
    confirmed = Search({"distinct flat": [(SAME, 0.35)]})
    assert confirmed.run(monkeypatch).attempt is not None
    assert confirmed.tried == KINDS[:7]
    monkeypatch.undo()
    arranged = Search({"blobs flat": [(SAME, 0.2)]}, least=0.15)
    assert arranged.run(monkeypatch).attempt is not None
    assert arranged.tried == CONFIRMED[:7]


@pytest.mark.parametrize(("least", "expected"), [(CONFIRMED_SHARE, False), (0.05, True)])
def test_a_map_that_blobs_make_sure_of_is_confirmed_by_few_matches(
    least: float, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """8 %, when light has changed all else."""
    search = Search({"blobs flat": [(SAME, 0.08)]}, least=least)
    assert (search.run(monkeypatch).attempt is not None) == expected


@pytest.mark.parametrize("spots", [False, True])
@pytest.mark.parametrize("share", [0.08, 0.18])
def test_dark_spots_confirm_what_some_matches_speak_for(
    share: float, spots: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """18 % are too few by themselves; at the level of chance, spots alone are not asked."""
    search = Search({"distinct flat": [(SAME, share)]}, spots=spots)
    assert (search.run(monkeypatch).attempt is not None) == (spots and share > 0.1)


@pytest.mark.parametrize(("shift", "share"), [(SHIFTED, 0.2), (SAME, 0.5)])
def test_features_that_contradict_sure_blobs_do_not_replace_them(
    shift: PlaneMap, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do if they agree; a shadow may confirm itself by more matches than skin."""
    maps = {"blobs flat": [(shift, 0.2)], "distinct flat": [(SAME, 0.5)]}
    found = Search(maps, least=0.05, sure="blobs flat").run(monkeypatch)
    assert found.attempt is not None
    assert found.attempt.share == pytest.approx(share)


@pytest.mark.parametrize(("shift", "share"), [(SHIFTED, 0.2), (SAME, 0.5)])
@pytest.mark.parametrize("before", ["mutual", "mutual flat"])
def test_a_geometry_that_sure_blobs_contradict_is_forgotten(
    before: str, shift: PlaneMap, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was confirmed before them."""
    maps = {before: [(SAME, 0.5)], "blobs flat": [(shift, 0.2)]}
    found = Search(maps, least=0.05, sure="blobs flat").run(monkeypatch)
    assert found.attempt is not None
    assert found.attempt.share == pytest.approx(share)


def test_beside_a_fair_geometry_others_are_refined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second refinement hardly raises the share of confirming matches any more."""
    search = Search({"mutual": [(SAME, 0.5)]})
    search.run(monkeypatch)
    assert search.tries[0] == 2
    assert set(search.tries[1:]) == {1}


@pytest.mark.parametrize(
    ("found", "inside", "expected"), [(SAME, 1.0, True), (SHIFTED, 1.0, False), (SAME, 0.3, False)]
)
def test_a_fit_agrees_if_most_of_its_inliers_are_predicted(
    found: PlaneMap, inside: float, expected: bool
) -> None:
    """Where the warp field is unknown, it predicts nothing; there most inliers must not be."""
    here = fit(found)
    places = here.source.copy()
    places[round(inside * 100) :] += 500
    moved = replace(here, source=places, target=found(places))
    photos: Photos = SomePhotos()  # type: ignore[assignment]
    assert agrees(moved, attempt(0.5, 1), photos) is expected


@pytest.mark.parametrize(("inside", "expected"), [(1.0, True), (0.8, False)])
def test_a_fit_of_few_matches_agrees_if_all_are_known(inside: float, expected: bool) -> None:
    """A map of blobs may have fewer matches than one of dense matches needs."""
    here = fit(SAME)
    few, places = LEAST_INLIERS - 1, here.source.copy()
    places[round(inside * few) : few] += 500
    small = replace(
        here,
        source=places[:few],
        target=SAME(places[:few]),
        inliers=np.ones(few, bool),
    )
    photos: Photos = SomePhotos()  # type: ignore[assignment]
    assert agrees(small, attempt(0.5, 1), photos) is expected


def test_a_hard_pair_is_said_to_be_one() -> None:
    """With the number of geometries that were tried; a pair that is clear at once is not hard."""
    assert _details(1) == ()
    assert "hard pair: 7 " in _details(7)[0]
