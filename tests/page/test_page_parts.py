"""Laws of the page's parts: packed features, sampled maps, the worker, the saved page."""

import re
import threading
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mel_debug.core.geometry import PatchGrid, Point, Size
from mel_debug.core.photo import Photo
from mel_debug.core.types import FeatureMap
from mel_debug.page.finding import HALF_BYTE, PackedFeatures, SampledMap
from mel_debug.page.saving import MODULES, bundle, page_of
from mel_debug.page.worker import Superseded, Urgency, Worker
from workbench import skin


class Affine:
    """A map between photos that is known exactly."""

    matrix = np.array([[0.9, 0.2], [-0.1, 1.1]])

    def points(self, points: NDArray[Any]) -> NDArray[Any]:
        mapped: NDArray[Any] = points @ self.matrix.T + [5, -7]
        return mapped

    def jacobians(self, points: NDArray[Any]) -> NDArray[Any]:
        return np.broadcast_to(self.matrix, (len(points), 2, 2))

    def std_px(self, points: NDArray[Any]) -> NDArray[Any]:
        return np.full(len(points), 2.0)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_map_is_sampled_over_the_whole_photo(width: int, height: int) -> None:
    photo = Photo("photo", Size(width, height), lambda: np.zeros((height, width, 3), np.uint8))
    sampled = SampledMap.of(Affine(), photo)
    rows, columns = sampled.std_px.shape
    assert rows >= 2
    assert columns >= 2
    last = np.array([[(columns - 1) * sampled.step[0], (rows - 1) * sampled.step[1]]])
    assert np.allclose(last, [[width, height]])
    assert np.allclose(sampled.places[-1, -1], Affine().points(last)[0])
    expected = np.sqrt(np.linalg.det(Affine.matrix))
    assert np.isclose(sampled.scale_at(Point(width / 3, height / 2)), expected)


def test_packed_features_have_the_similarity_of_the_vectors() -> None:
    """Cosines differ by less than 0.02 from those of the vectors."""
    rng = np.random.default_rng(3)
    photo = Photo.of(skin(64, 48))
    grid = PatchGrid.fit(photo.size, 64, 8)
    vectors = rng.standard_normal((6, 8, 64)).astype(np.float32) * 5
    valid = rng.random((6, 8)) < 0.7
    packed = PackedFeatures.of(FeatureMap(photo, grid, vectors, valid))
    data = packed.as_bytes()
    assert np.frombuffer(data[:12], "<u4").tolist() == [6, 8, 64]
    whole = np.frombuffer(data[12 : 12 + 48 * 64], np.int8).reshape(48, 64).astype(int)
    assert (
        np.frombuffer(data[12 + 48 * 64 :], np.uint8).reshape(6, 8) > 0
    ).tolist() == valid.tolist()
    unit = vectors.reshape(48, 64) / np.linalg.norm(vectors.reshape(48, 64), axis=1)[:, None]
    assert np.abs(whole @ whole.T / HALF_BYTE**2 - unit @ unit.T).max() < 0.02


def test_of_the_searches_of_one_page_only_the_latest_waits() -> None:
    """One runs; what waits is dropped when something newer comes; other pages are left alone."""
    worker, begun, may_end = Worker(), threading.Event(), threading.Event()

    def long() -> str:
        begun.set()
        may_end.wait(10)
        return "first"

    first = worker.submit(Urgency.PLACE, long, "page")
    assert begun.wait(10)
    old = worker.submit(Urgency.PLACE, lambda: "old", "page")
    new = worker.submit(Urgency.PLACE, lambda: "new", "page")
    other = worker.submit(Urgency.PLACE, lambda: "other", "another page")
    may_end.set()
    assert (first.result(10), new.result(10), other.result(10)) == ("first", "new", "other")
    with pytest.raises(Superseded):
        old.result(10)


def test_a_place_is_searched_before_maps_and_features_that_wait() -> None:
    worker, begun, may_end = Worker(), threading.Event(), threading.Event()
    order: list[str] = []

    def long() -> None:
        begun.set()
        may_end.wait(10)

    worker.submit(Urgency.PLACE, long)
    assert begun.wait(10)
    for urgency in (Urgency.MAP, Urgency.FEATURES, Urgency.PLACE):
        last = worker.submit(urgency, lambda name=urgency.name: order.append(name))  # type: ignore[misc]
        if urgency is Urgency.MAP:
            waiting = last
    may_end.set()
    waiting.result(10)
    assert order == ["PLACE", "FEATURES", "MAP"]


def test_a_long_job_lets_places_be_searched_meanwhile() -> None:
    """In the order of the worker, with errors where they belong, and nothing less urgent."""
    worker, begun, submitted = Worker(), threading.Event(), threading.Event()
    order: list[str] = []

    def long() -> None:
        begun.set()
        submitted.wait(10)
        order.append("begun")
        worker.run_waiting(Urgency.PLACE)
        order.append("done")

    job = worker.submit(Urgency.MAP, long)
    assert begun.wait(10)
    later = worker.submit(Urgency.MAP, lambda: order.append("map"))
    failing = worker.submit(Urgency.PLACE, lambda: 1 / 0)
    old = worker.submit(Urgency.PLACE, lambda: order.append("old"), "page")
    worker.submit(Urgency.PLACE, lambda: order.append("place"), "page")
    submitted.set()
    for each in (job, later):
        each.result(10)
    assert order == ["begun", "place", "done", "map"]
    with pytest.raises(ZeroDivisionError):
        failing.result(10)
    with pytest.raises(Superseded):
        old.result(10)


def test_an_error_of_a_job_is_raised_where_its_result_is_used() -> None:
    worker = Worker()
    with pytest.raises(ZeroDivisionError):
        worker.submit(Urgency.MAP, lambda: 1 / 0).result(10)
    assert worker.submit(Urgency.MAP, lambda: 7).result(10) == 7


def test_all_scripts_are_in_a_saved_page_after_those_they_import() -> None:
    static = files("mel_debug.page") / "static"
    names = {entry.name for entry in static.iterdir() if entry.name.endswith(".js")}
    assert names == set(MODULES)
    for number, name in enumerate(MODULES):
        text = (static / name).read_text(encoding="utf-8")
        imported = re.findall(r'^import [^;]*from "\./([^"]*)";', text, re.MULTILINE)
        assert set(imported) <= set(MODULES[:number])


def test_the_page_asks_for_all_scripts_at_once() -> None:
    """Not for those that a script imports only after it has arrived."""
    page = (files("mel_debug.page") / "static" / "index.html").read_text(encoding="utf-8")
    asked = re.findall(r'(?:"modulepreload" href|"module" src)="/static/([^"]*)"', page)
    assert asked == list(MODULES)


def test_no_two_scripts_declare_the_same_name() -> None:
    """They share one scope in a saved page."""
    script = bundle()
    names = re.findall(r"^(?:async )?(?:const|let|function|class) (\w+)", script, re.MULTILINE)
    assert len(names) > 30
    assert sorted(names) == sorted(set(names))
    assert not re.search(r"^(?:import|export) ", script, re.MULTILINE)


def test_a_saved_page_allows_itself_alone() -> None:
    """Its policy names the hashes of its own script and style, and nothing else."""
    page = page_of({"name": "</script><script>alert(1)</script>"})
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "'self'" not in policy[1]
    assert "alert(1)</script>" not in page
    assert not re.search(r'(?:src|href)="/', page)
