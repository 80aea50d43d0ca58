"""Moles with other moles and dark blobs as anchors, on a generated pair with exact truth."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric import locating
from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.found_blobs import FoundBlobs
from mel_debug.builtin.matchers.geometric.locating import ViewMatch, locate
from mel_debug.builtin.matchers.geometric.photo_pair import PhotoPair, match_pair
from mel_debug.builtin.matchers.geometric.warp_field import WarpField
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import Photo
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth import plan_pair, render

pytestmark = pytest.mark.slow

TWIN = 22
"""Pixels between a mole and its twin: 1.5 % of the longer side."""


@dataclass(frozen=True)
class Scene:
    """Two photos with the warp field between them, and (n, 2) pixels of the moles in both."""

    photos: tuple[Photo, Photo]
    pair: PhotoPair
    field: WarpField
    here: Array
    there: Array
    extractor: FeatureExtractor

    def located(self, moles: slice = slice(None), target: Photo | None = None) -> list[ViewMatch]:
        """Return the moles found in the target or in a changed version of it.

        A pair remembers its blobs as its own warp field and target lead to them, so each search has
        a pair without memories.
        """
        photos = (self.photos[0], target or self.photos[1])
        pair = replace(self.pair, blobs=FoundBlobs())
        return locate(pair, self.field, self.here[moles], photos, self.extractor)

    def errors(self, found: list[ViewMatch], moles: slice = slice(None)) -> Array:
        """Return the distances in pixels from the true places."""
        off = np.array([one.place for one in found]) - self.there[moles]
        return np.asarray(np.linalg.norm(off, axis=1))


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A generated pair; its twelve moles are in both photos."""
    body, *takes = plan_pair(5, megapixels=1.5, moles=14, difficulty=0.3, absent=0.0)
    shown = [render(body, take, number) for number, take in enumerate(takes)]
    photos = [Photo.of(each.pixels, each.mask) for each in shown]
    features = resolve(RunConfig(extractor="xfeat", image_size=1024)).build_features()
    pair = match_pair(features.of(photos[0]), features.of(photos[1]), features.extractor)
    assert pair.warp_field is not None
    moles = [{mole.uuid: (mole.x, mole.y) for mole in each.moles} for each in shown]
    both = [uuid for uuid in moles[0] if uuid in moles[1]]
    here, there = (np.array([each[uuid] for uuid in both]) for each in moles)
    return Scene((photos[0], photos[1]), pair, pair.warp_field, here, there, features.extractor)


class BentField(WarpField):
    """A warp field that is led astray around a place, and does not know it."""

    def __init__(self, field: WarpField, centre: Array, shift: Array, width: float) -> None:
        self.field, self.centre, self.shift, self.width = field, centre, shift, width

    def __call__(self, places: Array) -> Array:
        squares = ((places - self.centre) ** 2).sum(axis=1, keepdims=True)
        bent: Array = self.field(places) + self.shift * np.exp(-squares / (2 * self.width**2))
        return bent

    def std(self, places: Array) -> Array:
        return self.field.std(places)


def moved(found: list[ViewMatch]) -> Array:
    """Return how far from their anchors' prediction moles were found, as shares of its std."""
    return np.array([one.support["leap"].value for one in found])


def test_a_bend_that_the_warp_field_misses_is_corrected(scene: Scene) -> None:
    """Leads that are 23 px off move to within 3 px of the moles, as other moles are off as well."""
    centre = scene.here.mean(axis=0) / scene.pair.source.cell
    field = BentField(scene.field, centre, np.array([3.0, 0.0]), width=15.0)
    off = np.hypot(
        *(field(scene.here / scene.pair.source.cell) * scene.pair.target.cell - scene.there).T
    )
    found = replace(scene, field=field).located()
    assert np.sort(scene.errors(found))[-2] < 1
    away = np.array([one.support["anchor_offset_px"].value for one in found])
    many = np.array([one.support["anchors_near"].value >= 4 for one in found])
    assert off[many].max() > 20
    assert away[many].max() < 4


def test_a_single_mole_has_blobs_as_anchors(scene: Scene) -> None:
    """A mole that is searched alone has anchors, and is found at the same place as among others."""
    among = scene.located()
    alone = [scene.located(slice(number, number + 1))[0] for number in range(len(scene.here))]
    assert sum(one.support["anchors_near"].value >= 2 for one in alone) >= len(alone) / 2
    apart = [np.hypot(*(one.place - other.place)) for one, other in zip(alone, among, strict=True)]
    assert np.median(apart) < 0.1


def test_a_mole_that_is_gone_beside_a_twin_leaps(scene: Scene) -> None:
    """If a mole has gone and a like one is beside it, the answer is a leap, or is on bare skin."""
    before = scene.located()
    number = int(np.argmax([one.support["anchors_near"].value for one in before]))
    x, y = np.floor(scene.there[number]).astype(int)
    pixels = scene.photos[1].pixels.copy()
    mole, twin, bare = (
        np.s_[y - 9 : y + 10, x + across - 9 : x + across + 10] for across in (0, TWIN, -TWIN)
    )
    pixels[twin], pixels[mole] = pixels[mole].copy(), pixels[bare].copy()
    after = scene.located(target=Photo.of(pixels, scene.photos[1].mask))
    others = np.delete(moved(after), number)
    assert moved(after)[number] > max(2 * np.median(others), 2 * moved(before)[number])


def test_without_anchors_the_prior_is_the_warp_fields(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mole asked alone on skin without blobs keeps the warp field's prediction and its std."""
    monkeypatch.setattr(locating, "choose_blobs", lambda *_: np.empty((0, 2)))
    (found,) = scene.located(slice(0, 1))
    std = float(scene.field.std(scene.here[:1] / scene.pair.source.cell)[0])
    assert found.support["anchors_near"].value == 0
    assert found.support["warp_std_px"].value == pytest.approx(
        std * float(scene.pair.source.cell.mean())
    )
