"""Laws of the search of one pair of photos."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from caches import Counting, offer
from mel_debug.automark.search import (
    PairTask,
    Setup,
    search_pair,
    searcher_for,
)
from mel_debug.builtin import plugin
from mel_debug.confidence.calibrations import ANY, shipped, store, user_path
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.photos import mask_path
from mel_debug.jobs.extraction import ExtractionTask, extract_to_cache
from mel_debug.jobs.results import WorkerSetupError
from mel_debug.plugin import hookimpl
from mel_debug.plugins.config import RunConfig
from mel_debug.plugins.registry import load_registry
from sessions import PLACES, Session, make_session, uuid
from tolerance import assert_same_results, differences
from workbench import save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")


def setup(**more: object) -> Setup:
    wanted = {"extractor": "xfeat", "matcher": "cosine", "image_size": 256, "stage_options": {}}
    return Setup.of(RunConfig(**{**wanted, **more}))  # type: ignore[arg-type]


@pytest.fixture
def days(tmp_path: Path) -> tuple[Session, Session]:
    """Two photos of one skin."""
    return make_session(tmp_path, "day1"), make_session(tmp_path, "day2")


def extract(made: Setup, photo: Path) -> bool:
    """Extract a photo as the runs of `automark` do."""
    return extract_to_cache(
        ExtractionTask(made.config, photo, str(photo), made.use_masks, made.identity)
    )


def task(days: tuple[Session, Session], *numbers: int, **more: object) -> PairTask:
    before, after = days
    moles = tuple((uuid(n), Point(*before.place(n))) for n in numbers)
    return PairTask(setup(**more), before.photo, after.photo, moles)


@pytest.mark.slow
def test_tasks_and_results_can_be_pickled(days: tuple[Session, Session]) -> None:
    """And are small, because they contain no feature maps."""
    sent = pickle.loads(pickle.dumps(task(days, *range(len(PLACES)))))
    answer = pickle.dumps(search_pair(sent))
    assert len(answer) < 10_000
    assert [each.uuid for each in pickle.loads(answer).proposals] == [uuid(n) for n in range(8)]


def test_a_search_of_cached_photos_loads_no_extractor(
    days: tuple[Session, Session],
) -> None:
    """Whichever process has extracted them."""
    asked = task(days, 0, 1)
    for photo in (asked.reference, asked.target):
        extract(asked.setup, photo)
    searcher_for(setup(image_size=128))  # another setup replaces the searcher of this process
    before = search_pair(asked)
    features = searcher_for(asked.setup).photo_cache.features
    assert features.extractor._built is None  # type: ignore[attr-defined]
    assert_same_results(search_pair(asked), before)


def test_a_process_loads_the_extractor_once_for_extraction_and_search(
    days: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if its identity is unknown before it is loaded, as with weights to be downloaded."""
    counting = Counting()
    spec = replace(offer(counting), depends_on=lambda _: ["release 1"] if counting.built else None)
    monkeypatch.setattr(plugin, "mel_extractors", hookimpl(lambda: [spec]))
    load_registry.cache_clear()
    try:
        asked = task(days, 0, 1, extractor="toy", image_size=64)
        assert extract(asked.setup, asked.reference)
        search_pair(asked)
        search_pair(task(days, 0, 1, extractor="toy", image_size=64))  # a later run
    finally:
        load_registry.cache_clear()
    assert len(counting.built) == 1


def test_a_mole_that_the_reference_does_not_show_does_not_stop_the_others(
    days: tuple[Session, Session],
) -> None:
    """One is outside the photo, one is hidden by its mask."""
    before, _ = days
    mask = skin(256, 256)[..., 0] * 0 + 255
    x, y = before.place(1)
    mask[y - 20 : y + 20, x - 20 : x + 20] = 0
    save(mask, mask_path(before.photo))
    asked = task(days, 0, 1, 2)
    outside = (uuid(9), Point(9999, 5))
    asked = PairTask(asked.setup, asked.reference, asked.target, (*asked.moles, outside))
    answer = search_pair(asked)
    assert [each.uuid for each in answer.proposals] == [uuid(0), uuid(2)]
    reasons = dict(answer.unsearchable)
    assert "mask hides" in reasons[uuid(1)]
    assert "outside" in reasons[uuid(9)]


def test_candidates_are_distinct_places(days: tuple[Session, Session]) -> None:
    """Their confidences add up to at most one."""
    for each in search_pair(task(days, *range(5))).proposals:
        sure = [candidate.confidence for candidate in each.candidates]
        assert 1 < len(sure) <= 4
        assert sum(sure) <= 1
        places = [candidate.place for candidate in each.candidates]
        for number, place in enumerate(places):
            assert all(place.distance_to(other) > 4 for other in places[:number])
        assert each.position_std_px > 0


def test_no_candidate_is_more_probable_than_the_best(days: tuple[Session, Session]) -> None:
    """Or next best places on a black photo, side by side, would support each other."""
    save(np.zeros((240, 320, 3), dtype=np.uint8), days[1].photo)
    for each in search_pair(task(days, *range(5))).proposals:
        best, *others = [candidate.confidence for candidate in each.candidates]
        assert len(others) == 3
        assert max(others) <= best < 0.05


def test_a_process_with_other_weights_is_refused(days: tuple[Session, Session]) -> None:
    """It would store features under keys that no other process uses."""
    asked = task(days, 0)
    other = replace(asked.setup, identity="the identity of something else")
    with pytest.raises(WorkerSetupError, match="install the same on both"):
        extract(other, asked.target)


def test_a_later_run_in_the_same_process_reads_photos_again(
    days: tuple[Session, Session],
) -> None:
    """A worker may outlive a run, and photos may be replaced between runs."""
    before = search_pair(task(days, 0))
    first, second = (day.photo.read_bytes() for day in days)
    for day, content in zip(days, (second, first), strict=True):
        day.photo.write_bytes(content)
    after = search_pair(task(days, 0))
    assert after.proposals[0].candidates[0].place != before.proposals[0].candidates[0].place


def test_confidence_comes_from_the_calibration_of_the_starting_machine(
    days: tuple[Session, Session],
) -> None:
    """Other machines may have a calibration of their own."""
    asked = task(days, 0)
    before = search_pair(asked)
    store(user_path(), {"xfeat/cosine": shipped()[ANY]})
    sent = pickle.loads(pickle.dumps(asked))
    searcher_for(setup(image_size=128))
    assert_same_results(search_pair(sent), before)
    assert list(differences(search_pair(task(days, 0)), before))


def test_a_damaged_photo_is_an_error_of_that_photo(tmp_path: Path) -> None:
    """Not of the worker."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    with pytest.raises(MelError, match=r"broken\.jpg") as told:
        extract(setup(), broken)
    assert not isinstance(told.value, WorkerSetupError)
