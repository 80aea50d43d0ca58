"""Laws of extracting many photos on workers: a killed worker does not change what is cached."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import chores
from children import default_signals
from clusters import Cluster, Site, cluster_of, until
from mel_debug.jobs.executors import open_executor
from mel_debug.jobs.extraction import ExtractionTask, extract_to_cache
from mel_debug.jobs.results import Done, Failed, WorkerSetupError
from mel_debug.jobs.stream import stream
from mel_debug.jobs.workers import Workers
from mel_debug.plugins.config import RunConfig
from tolerance import assert_same_results
from workbench import Outcome, mark, save, skin, with_moles

pytestmark = pytest.mark.slow

PHOTOS = 40
Content = dict[str, bytes]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A plugin that is installed for workers only, so that they have to find it themselves."""
    return Site.make(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two shapes, and two files that are not photos."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(PHOTOS):
        size = (96, 64) if number % 3 else (64, 96)
        save(skin(*size, seed=number), folder / f"{number:02}.png")
    (folder / "text.jpg").write_text("no photo")
    whole = (folder / "00.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[Cluster]:
    """A scheduler and two worker processes, which are restarted when they die."""
    pytest.importorskip("distributed")
    # A call fails after two deaths instead of four, so that the tests kill fewer workers.
    env = {**site.env, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    folder = tmp_path_factory.mktemp("cluster")
    with cluster_of(folder, env, "--nworkers", "2", "--nthreads", "1") as started:
        until(lambda: started.logs().count("Registered to") >= 2)
        yield started


@pytest.fixture
def workers(cluster: Cluster) -> Iterator[Workers]:
    """The workers of the cluster."""
    with open_executor(scheduler=cluster.address) as opened:
        yield opened


def started(site: Site, *arguments: str) -> "subprocess.Popen[str]":
    """Start `mel-debug` with the plugin installed."""
    with default_signals():
        return subprocess.Popen(
            [sys.executable, "-m", "mel_debug", *arguments],
            env=site.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def precalc(site: Site, photos: Path, cache: Path, *more: str) -> "subprocess.Popen[str]":
    stages = ["--extractor", "slowpoke", "--cache-dir", str(cache)]
    return started(site, "precalc", str(photos), *stages, *more)


def finished(process: "subprocess.Popen[str]") -> Outcome:
    output, errors = process.communicate(timeout=120)
    return Outcome(process.returncode, output, errors)


def content(cache: Path) -> Content:
    """All complete files of the cache."""
    return {path.name: path.read_bytes() for path in (cache / "features").glob("*/[!.]*")}


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, site: Site, photos: Path
) -> tuple[Content, Outcome]:
    """The cache and the output of a run in one process."""
    cache = tmp_path_factory.mktemp("alone")
    outcome = finished(precalc(site, photos, cache))
    return content(cache), outcome


def reported(outcome: Outcome) -> tuple[list[str], str, int]:
    """The failed photos, the error, and how many photos are cached now.

    A photo that was stored just before its worker died is repeated, and counts as cached then.
    """
    *bad, last = [line for line in outcome.stderr.splitlines() if " " in line]
    names = [line.split(" ")[0].rpartition("/")[2] for line in bad]
    counts = re.search(r"(\d+) extracted.*, (\d+) already cached", outcome.stdout)
    assert counts, outcome
    return names, last, int(counts[1]) + int(counts[2])


@pytest.mark.parametrize("where", ["--jobs", "--scheduler"])
def test_a_run_with_a_killed_worker_has_the_results_of_a_run_in_one_process(
    *,
    where: str,
    request: pytest.FixtureRequest,
    site: Site,
    photos: Path,
    tmp_path: Path,
    alone: tuple[Content, Outcome],
) -> None:
    """The cache and the failed photos are the same, and both workers found the plugin.

    The files are equal to the bit, because the toy extractor adds whole numbers.
    """
    address = request.getfixturevalue("cluster").address if where == "--scheduler" else "2"
    site.forget()
    with site.held_after(10):
        process = precalc(site, photos, tmp_path, where, address)
        until(lambda: len(content(tmp_path)) >= 5 and len(site.workers()) == 2)
        assert process.poll() is None, finished(process)
        os.kill(min(site.workers()), signal.SIGKILL)
    outcome = finished(process)
    assert content(tmp_path) == alone[0]
    assert len(content(tmp_path)) == PHOTOS
    assert reported(outcome) == reported(alone[1])
    error = "Error: 2 of 42 photos could not be used; all others are done"
    assert reported(outcome) == (["cut.png", "text.jpg"], error, PHOTOS)
    assert outcome.code == 1
    assert where == "--scheduler" or len(site.workers()) >= 3  # the dead one was replaced


def test_searches_with_a_killed_worker_have_the_results_of_one_process(
    site: Site, cluster: Cluster, tmp_path: Path
) -> None:
    """The same places and confidences for every mole of every target."""
    places = [(40, 40), (90, 50), (60, 80)]
    picture = with_moles(skin(160, 128, seed=7), places)
    reference = save(picture[:112, :144], tmp_path / "reference.png")
    mark(reference, *((f"{number:032x}", *place) for number, place in enumerate(places)))
    targets = [
        save(picture[number : 112 + number, number : 144 + number], tmp_path / f"{number}.png")
        for number in range(1, 12)
    ]

    def automark3(cache: str, *more: str) -> "subprocess.Popen[str]":
        chosen = [part for target in targets for part in ("--target", str(target))]
        stages = ["--extractor", "slowpoke", "--similarity", "cosine", "--min-confidence", "0"]
        return started(
            site,
            *("automark3", "--reference", str(reference), *chosen, "--dry-run", "--json"),
            *(*stages, "--cache-dir", str(tmp_path / cache), *more),
        )

    here = finished(automark3("here"))
    site.forget()
    with site.held_after(5):
        process = automark3("there", "--scheduler", cluster.address)
        until(lambda: len(site.workers()) == 2)
        os.kill(min(site.workers()), signal.SIGKILL)
    there = finished(process)
    assert_same_results(there.report, here.report)
    assert here.stdout.count("confidence") > len(targets)


def test_a_second_run_extracts_only_what_is_missing(
    site: Site, photos: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """Also on other workers; a killed run loses at most the photos in progress."""
    with site.held_after(10):
        process = precalc(site, photos, tmp_path, "--jobs", "2")
        until(lambda: len(content(tmp_path)) >= 5)
        process.kill()
    finished(process)  # and its workers, who have closed their output then
    there = len(content(tmp_path))
    assert 5 <= there < PHOTOS
    outcome = finished(precalc(site, photos, tmp_path, "--scheduler", cluster.address))
    assert f"{PHOTOS - there} extracted" in outcome.stdout
    assert f"{there} already cached" in outcome.stdout


def test_ctrl_c_ends_a_run_on_a_cluster_with_one_line(
    site: Site, photos: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """The cache keeps what was extracted, and the workers can be used again."""
    with site.held_after(10):
        process = precalc(site, photos, tmp_path, "--scheduler", cluster.address)
        until(lambda: len(content(tmp_path)) >= 5)
        process.send_signal(signal.SIGINT)
        outcome = finished(process)
    assert outcome.stderr.splitlines()[-1] == "Error: stopped"
    assert "Traceback" not in outcome.stderr
    assert outcome.code == 1
    with open_executor(scheduler=cluster.address) as workers:
        assert len(list(stream(workers, chores.square, range(5)))) == 5


def test_errors_of_any_kind_are_reported_from_a_cluster(workers: Workers) -> None:
    """As from other workers."""
    outcomes = list(stream(workers, chores.odd_is_bad, range(4)))
    reasons = {out.item: out.reason for out in outcomes if isinstance(out, Failed)}
    assert reasons == {1: "1 is odd", 3: "KeyError: 3"}
    assert all(isinstance(out, Failed) for out in stream(workers, chores.awkward, range(2)))
    with pytest.raises(WorkerSetupError, match=r"the worker on .* cannot be used: no weights for"):
        list(stream(workers, chores.unfit, range(100)))


def test_a_call_with_an_unexpected_error_is_repeated_on_a_cluster(
    workers: Workers, tmp_path: Path
) -> None:
    """Another machine may have access to a file that the first one lacks."""
    items = [(tmp_path, number) for number in range(4)]
    outcomes = list(stream(workers, chores.fails_once, items))
    assert sorted(out.item for out in outcomes if isinstance(out, Done)) == items


def test_a_cluster_names_the_item_that_always_kills_its_worker(workers: Workers) -> None:
    """The scheduler's retries save the items that ran at the same time."""
    outcomes = list(stream(workers, chores.deadly_seven, range(10)))
    assert [out.item for out in outcomes if isinstance(out, Failed)] == [7]
    assert {out.item for out in outcomes if isinstance(out, Done)} == {*range(10)} - {7}


def test_a_worker_that_lacks_a_requirement_ends_the_run(
    photos: Path, workers: Workers, tmp_path: Path
) -> None:
    """The plugin, its weights, the same weights, or access to the cache; with one error only."""
    nothing = tmp_path / "file"
    nothing.write_text("")
    here = RunConfig("slowpoke", matcher="cosine", cache_dir=tmp_path / "cache")

    def error(config: RunConfig, identity: str | None = None) -> str:
        task = ExtractionTask(config, photos / "00.png", "00.png", identity=identity)
        with pytest.raises(WorkerSetupError) as caught:
            list(stream(workers, extract_to_cache, [task] * 100))
        return str(caught.value)

    assert "no extractor named 'lonely'" in error(replace(here, extractor="lonely"))
    assert "can't read its weights" in error(replace(here, weights=nothing))
    assert "can't be written" in error(replace(here, cache_dir=nothing / "cache"))
    assert "differ from those of the machine that started the run" in error(here, "another")
