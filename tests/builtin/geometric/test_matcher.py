"""The geometric matcher on generated photos with exact truth."""

import numpy as np
import pytest

from mel_debug.builtin.matchers.geometric import photo_pair
from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo
from mel_debug.matching.locate import Located, locate
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth import RenderedPhoto, plan_pair, render

MEGAPIXELS = 1.5


def pair(
    seed: int, *, scale: float | None = None, rotation: float | None = None
) -> tuple[RenderedPhoto, RenderedPhoto]:
    """Return two photos of the same skin; all moles are in both."""
    body, first, second = plan_pair(
        seed,
        megapixels=MEGAPIXELS,
        moles=8,
        difficulty=0.3,
        absent=0.0,
        rotation=rotation,
        scale=scale,
    )
    return render(body, first, 0), render(body, second, 1)


def searched(source: RenderedPhoto, target: RenderedPhoto) -> Located:
    """Return the search of two rendered photos with XFeat's defaults."""
    run = resolve(RunConfig(extractor="xfeat", image_size=1024))
    here = Photo.of(source.pixels, source.mask, name="source")
    marked = {mole.uuid: [(here, Point(mole.x, mole.y))] for mole in source.moles}
    there = Photo.of(target.pixels, target.mask, name="target")
    return locate(marked, there, run.build_features(), run.build_matcher())


def errors(source: RenderedPhoto, target: RenderedPhoto) -> list[float]:
    """Return the distances in pixels between found and true positions of the shared moles."""
    truth = {mole.uuid: Point(mole.x, mole.y) for mole in target.moles}
    return [
        match.best.distance_to(truth[match.uuid])
        for match in searched(source, target).matches
        if match.uuid in truth
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "forced",
    [
        pytest.param({}, id="drawn"),
        *(
            pytest.param({name: value}, id=f"{name} {value:g}", marks=pytest.mark.slow)
            for name, value in (
                ("rotation", 40.0),
                ("rotation", 90.0),
                ("rotation", 180.0),
                ("scale", 0.6),
            )
        ),
    ],
)
def test_moles_are_found_to_a_few_pixels_under_rotation_and_scale(
    forced: dict[str, float],
) -> None:
    """All moles but one at most are found within 5 px, upright, rotated or at a smaller scale."""
    found = errors(*pair(3, **forced))
    assert len(found) >= 6
    assert sum(error < 5 for error in found) >= len(found) - 1


@pytest.mark.slow
def test_photos_of_different_people_fall_back_to_similarity_with_a_note() -> None:
    """Without a common geometry the match comes from plain similarity, and a note states it."""
    (source, _), (_, stranger) = pair(3), pair(4)
    for match in searched(source, stranger).matches:
        assert any("plain similarity instead" in note for note in match.notes)
        assert not match.support
        assert np.isfinite(match.score)


@pytest.mark.slow
def test_a_geometry_that_dark_spots_contradict_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its places are not returned: the match comes from plain similarity, and a note states it."""
    monkeypatch.setattr(photo_pair, "is_contradicted", lambda *_: True)
    for match in searched(*pair(3)).matches:
        assert any("plain similarity instead" in note for note in match.notes)
        assert not match.support
