"""Laws of finding marked moles in another photo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.core.errors import MelError, PluginError
from mel_debug.core.geometry import Point
from mel_debug.core.stages import FeatureExtractor, Matcher
from mel_debug.core.types import FeatureMap, Match, Photo, Pixels, Query, Vectors
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.locate import locate
from strategies import seeds
from workbench import PatchColours, matcher, skin

PATCH = 8
ROWS, COLUMNS = 6, 9
FEATURES = PhotoFeatures(PatchColours(PATCH), PATCH * COLUMNS)
metrics = st.sampled_from(["cosine", "dot", "euclidean"])
zooms = st.integers(1, 3)


def find(source: Pixels, point: Point, target: Photo, metric: str) -> Match:
    """The one match of a mole that one source marks."""
    marked_views = {"m": [(Photo.of(source), point)]}
    (match,) = locate(marked_views, target, FEATURES, matcher(metric)).matches
    return match


def noisy(picture: Pixels, seed: int) -> Pixels:
    """The same skin, photographed again."""
    noise = np.random.default_rng(seed).integers(-6, 7, picture.shape)
    again: Pixels = np.clip(picture + noise, 0, 255).astype(np.uint8)
    return again


rolls = st.tuples(st.integers(-ROWS, ROWS), st.integers(-COLUMNS, COLUMNS))
cells = st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1))


@pytest.mark.slow
@settings(max_examples=60)
@given(metrics, seeds, zooms, cells, rolls)
def test_shifting_the_targets_content_by_whole_patches_shifts_the_match_by_as_much(
    metric: str, seed: int, zoom: int, place: tuple[int, int], roll: tuple[int, int]
) -> None:
    """On skin that tiles, so that nothing is lost at a border; wherever the match was."""
    (row, column), (down, across) = place, roll
    cell = PATCH * zoom
    height, width = ROWS * cell, COLUMNS * cell
    source = skin(width, height, seed)
    target = noisy(source, seed + 1)
    point = Point((column + 0.3) * cell, (row + 0.6) * cell)
    before = find(source, point, Photo.of(target), metric).best
    shifted = np.roll(target, (down * cell, across * cell), axis=(0, 1))
    after = find(source, point, Photo.of(shifted), metric).best
    assert after.x == pytest.approx((before.x + across * cell) % width)
    assert after.y == pytest.approx((before.y + down * cell) % height)


@pytest.mark.slow
@given(metrics.filter(lambda name: name != "dot"), seeds, zooms, st.data())
def test_a_mole_is_found_in_its_own_photo(
    metric: str, seed: int, zoom: int, data: st.DataObject
) -> None:
    """Wherever it is, within half a cell along each axis."""
    cell = PATCH * zoom
    picture = skin(COLUMNS * cell, ROWS * cell, seed)
    x = data.draw(st.integers(0, picture.shape[1] - 1)) + 0.5
    y = data.draw(st.integers(0, picture.shape[0] - 1)) + 0.5
    best = find(picture, Point(x, y), Photo.of(picture), metric).best
    assert abs(best.x - x) <= cell / 2
    assert abs(best.y - y) <= cell / 2


@given(metrics, seeds, st.data())
def test_masked_cells_never_win(metric: str, seed: int, data: st.DataObject) -> None:
    """Not even those that hold the mole itself."""
    picture = skin(COLUMNS * PATCH, ROWS * PATCH, seed)
    row = data.draw(st.integers(0, ROWS - 1))
    column = data.draw(st.integers(0, COLUMNS - 1))
    cells: NDArray[np.bool_] = np.random.default_rng(seed).random((ROWS, COLUMNS)) < 0.5
    cells[row, column] = False
    cells[row, column - 1] = True
    mask = cells.repeat(PATCH, axis=0).repeat(PATCH, axis=1)
    point = Point((column + 0.5) * PATCH, (row + 0.5) * PATCH)
    match = find(picture, point, Photo.of(picture, mask), metric)
    assert mask[int(match.best.y), int(match.best.x)]
    assert np.array_equal(match.valid, cells)


@pytest.mark.slow
@given(metrics, seeds)
def test_what_is_masked_in_the_target_cannot_matter(metric: str, seed: int) -> None:
    """Moles outside the mask change neither the place nor its score."""
    source = skin(COLUMNS * PATCH, ROWS * PATCH, seed)
    target = noisy(source, seed + 1)
    mask = np.zeros(target.shape[:2], dtype=bool)
    mask[5:37, 13:50] = True
    other = np.where(mask[..., np.newaxis], target, skin(COLUMNS * PATCH, ROWS * PATCH, seed + 2))
    point = Point(30.5, 20.5)
    one = find(source, point, Photo.of(target, mask), metric)
    two = find(source, point, Photo.of(other.astype(np.uint8), mask), metric)
    assert one.best == two.best
    assert one.score == pytest.approx(two.score, rel=1e-5)


@pytest.mark.parametrize("name", ["cosine", "euclidean"])
def test_several_moles_are_answered_in_order(name: str) -> None:
    """Each in its own photo, whatever the others are."""
    picture = skin(COLUMNS * PATCH, ROWS * PATCH, 3)
    photo = Photo.of(picture)
    places = {f"m{column}": Point(column * PATCH + 4, 20) for column in (7, 2, 5)}
    located = locate(
        {uuid: [(photo, point)] for uuid, point in places.items()}, photo, FEATURES, matcher(name)
    )
    assert [match.uuid for match in located.matches] == list(places)
    assert [query.uuid for query in located.queries] == list(places)
    assert [match.best for match in located.matches] == list(places.values())


@dataclass
class Counting:
    """An extractor that counts its images."""

    inner: PatchColours = field(default_factory=PatchColours)
    patch: int = PATCH
    mean_colour: tuple[int, int, int] = (128, 128, 128)
    images_extracted: int = 0

    def extract(self, images: Pixels) -> Vectors:
        self.images_extracted += len(images)
        return self.inner.extract(images)


def test_features_are_extracted_once_for_each_photo() -> None:
    """However many moles it marks, and when it is the target as well."""
    one, two = (Photo.of(skin(72, 48, seed)) for seed in (1, 2))
    counting = Counting()
    marked_views = {
        "a": [(one, Point(10, 10)), (two, Point(20, 10))],
        "b": [(one, Point(30, 30))],
        "c": [(two, Point(5, 5))],
    }
    locate(marked_views, one, PhotoFeatures(counting, 72), matcher("cosine"))
    assert counting.images_extracted == 2


@pytest.mark.parametrize("point", [Point(72, 5), Point(5, 48), Point(-0.5, 5), Point(5, 1e9)])
def test_a_mark_outside_its_photo_is_one_clear_error(point: Point) -> None:
    """The message has the photo, its size and the mark; no features are extracted."""
    photo, counting = Photo.of(skin(72, 48), name="small.jpg"), Counting()
    with pytest.raises(MelError, match=r"small\.jpg: mole m .*outside the photo of 72 x 48"):
        locate({"m": [(photo, point)]}, photo, PhotoFeatures(counting, 72), matcher("cosine"))
    assert counting.images_extracted == 0


@pytest.mark.parametrize("point", [Point(0, 0), Point(71.99, 47.99), Point(0, 47.99)])
def test_a_mark_on_the_outermost_pixels_is_found(point: Point) -> None:
    """The photo's corners are part of it."""
    picture = skin(72, 48, 4)
    best = find(picture, point, Photo.of(picture), "cosine").best
    assert best.distance_to(point) <= PATCH


def test_a_mole_that_the_mask_hides_is_one_clear_error() -> None:
    """Its patch is painted over and would match anything."""
    mask = np.ones((48, 72), dtype=bool)
    mask[:24] = False
    hidden = Photo.of(skin(72, 48), mask, name="hidden.jpg")
    with pytest.raises(MelError, match=r"hidden\.jpg: its mask hides mole m.*use_masks=False"):
        locate({"m": [(hidden, Point(5, 5))]}, hidden, FEATURES, matcher("cosine"))


@dataclass(frozen=True)
class Wrong:
    """A matcher whose answers are spoilt by `spoil`."""

    inner: Matcher
    spoil: Callable[[list[Match]], list[Match]]

    def match(
        self, queries: Sequence[Query], target: FeatureMap, extractor: FeatureExtractor
    ) -> list[Match]:
        return self.spoil(self.inner.match(queries, target, extractor))


@pytest.mark.parametrize("spoil", [lambda m: m[:1], lambda m: m[::-1], lambda m: [*m, *m]])
def test_a_wrong_result_of_a_matcher_is_an_error(
    spoil: Callable[[list[Match]], list[Match]],
) -> None:
    """It must be one match for each query, in their order."""
    photo = Photo.of(skin(72, 48))
    marked_views = {"a": [(photo, Point(5, 5))], "b": [(photo, Point(50, 30))]}
    with pytest.raises(PluginError, match="matcher"):
        locate(marked_views, photo, FEATURES, Wrong(matcher("cosine"), spoil))
