"""Laws of describing many photos on workers: a killed one changes nothing of what is kept."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import chores
import mel_debug
from clusters import Cluster, Site, cluster_of, end, until
from mel_debug.choice import Wanted
from mel_debug.errors import MelError
from mel_debug.version import __version__
from mel_debug.workers.describing import Describe, describe
from mel_debug.workers.executors import Workers, open_executor
from mel_debug.workers.outcomes import Done, Failed, UnfitError
from mel_debug.workers.stream import stream
from workbench import Outcome, save, skin

PHOTOS = 40
Content = dict[str, bytes]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The plugin, where this process does not see it: workers must find it by themselves."""
    return Site.make(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two shapes, and two files that are none."""
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
    """A scheduler and two worker processes that are started anew when they die."""
    pytest.importorskip("distributed")
    # Two workers may die over a call, not four: fewer are to be killed here.
    env = {**site.env, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    folder = tmp_path_factory.mktemp("cluster")
    with cluster_of(folder, env, "--nworkers", "2", "--nthreads", "1") as started:
        until(lambda: started.logs().count("Registered to") >= 2)
        yield started


@pytest.fixture
def workers(cluster: Cluster) -> Iterator[Workers]:
    """The cluster's workers, seen from this process."""
    with open_executor(scheduler=cluster.address) as opened:
        yield opened


def precalc(site: Site, photos: Path, cache: Path, *more: str) -> "subprocess.Popen[str]":
    """Start `mel-debug precalc` where the plugin is."""
    stages = ["--extractor", "slowpoke", "--cache-dir", str(cache)]
    return subprocess.Popen(
        [sys.executable, "-m", "mel_debug", "precalc", str(photos), *stages, *more],
        env=site.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: "subprocess.Popen[str]") -> Outcome:
    output, errors = process.communicate(timeout=120)
    return Outcome(process.returncode, output, errors)


def content(cache: Path) -> Content:
    """Every file of the cache that is complete."""
    return {path.name: path.read_bytes() for path in (cache / "features").glob("*/[!.]*")}


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, site: Site, photos: Path
) -> tuple[Content, Outcome]:
    """What a run in one process keeps and tells."""
    cache = tmp_path_factory.mktemp("alone")
    outcome = finished(precalc(site, photos, cache))
    return content(cache), outcome


def told(outcome: Outcome) -> tuple[list[str], str, int]:
    """The bad photos, the error, and how many have features now.

    One that was kept just before its worker died is repeated, and there already then.
    """
    *bad, last = [line for line in outcome.stderr.splitlines() if " " in line]
    names = [line.split(" ")[0].rpartition("/")[2] for line in bad]
    counts = re.search(r"(\d+) described.*, (\d+) there already", outcome.stdout)
    assert counts, outcome
    return names, last, int(counts[1]) + int(counts[2])


@pytest.mark.parametrize("where", ["--jobs", "--scheduler"])
def test_a_run_whose_worker_is_killed_keeps_and_tells_what_one_process_does(
    *,
    where: str,
    request: pytest.FixtureRequest,
    site: Site,
    photos: Path,
    tmp_path: Path,
    alone: tuple[Content, Outcome],
) -> None:
    """To the bit, with the same photos named as bad; both workers had found the plugin."""
    address = request.getfixturevalue("cluster").address if where == "--scheduler" else "2"
    site.forget()
    process = precalc(site, photos, tmp_path, where, address)
    until(lambda: len(content(tmp_path)) >= 5 and len(site.workers()) == 2)
    assert process.poll() is None, finished(process)
    os.kill(min(site.workers()), signal.SIGKILL)
    outcome = finished(process)
    assert content(tmp_path) == alone[0]
    assert len(content(tmp_path)) == PHOTOS
    assert told(outcome) == told(alone[1])
    error = "Error: 2 of 42 photos could not be described"
    assert told(outcome) == (["cut.png", "text.jpg"], error, PHOTOS)
    assert outcome.code == 1
    assert where == "--scheduler" or len(site.workers()) >= 3  # the dead one was replaced


def test_a_second_run_does_what_is_missing_whoever_did_the_first(
    site: Site, photos: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """Killed in the middle, it loses at most what was under way."""
    process = precalc(site, photos, tmp_path, "--jobs", "2")
    until(lambda: len(content(tmp_path)) >= 5)
    process.kill()
    finished(process)  # and its workers, who have closed their output then
    there = len(content(tmp_path))
    assert 5 <= there < PHOTOS
    outcome = finished(precalc(site, photos, tmp_path, "--scheduler", cluster.address))
    assert f"{PHOTOS - there} described" in outcome.stdout
    assert f"{there} there already" in outcome.stdout


def test_ctrl_c_ends_a_run_on_a_cluster_soon_and_in_one_line(
    site: Site, photos: Path, cluster: Cluster, tmp_path: Path
) -> None:
    """What was described is kept, and the workers are free for the next."""
    process = precalc(site, photos, tmp_path, "--scheduler", cluster.address)
    until(lambda: len(content(tmp_path)) >= 5)
    process.send_signal(signal.SIGINT)
    outcome = finished(process)
    assert outcome.stderr.splitlines()[-1] == "Error: stopped"
    assert "Traceback" not in outcome.stderr
    assert outcome.code == 1
    with open_executor(scheduler=cluster.address) as workers:
        assert len(list(stream(workers, chores.square, range(5)))) == 5


def test_bad_items_and_errors_of_any_kind_come_back_from_a_cluster(workers: Workers) -> None:
    """As from any other workers."""
    outcomes = list(stream(workers, chores.odd_is_bad, range(4)))
    reasons = {out.item: out.reason for out in outcomes if isinstance(out, Failed)}
    assert reasons == {1: "1 is odd", 3: "KeyError: 3"}
    assert all(isinstance(out, Failed) for out in stream(workers, chores.awkward, range(2)))
    with pytest.raises(UnfitError, match=r"the worker on .* can't take part: no weights for"):
        list(stream(workers, chores.unfit, range(100)))


def test_a_call_that_fails_for_no_known_reason_is_repeated_on_a_cluster(
    workers: Workers, tmp_path: Path
) -> None:
    """The next node may see the file that the first one did not."""
    items = [(tmp_path, number) for number in range(4)]
    outcomes = list(stream(workers, chores.fails_once, items))
    assert sorted(out.item for out in outcomes if isinstance(out, Done)) == items


def test_a_cluster_names_the_item_that_always_kills_its_worker(workers: Workers) -> None:
    """And the scheduler's retries save those beside it."""
    outcomes = list(stream(workers, chores.deadly_seven, range(10)))
    assert [out.item for out in outcomes if isinstance(out, Failed)] == [7]
    assert {out.item for out in outcomes if isinstance(out, Done)} == {*range(10)} - {7}


def test_a_worker_that_lacks_something_ends_the_run(
    photos: Path, workers: Workers, tmp_path: Path
) -> None:
    """The plugin, its weights, the same weights, a way to write the cache: not once a photo."""
    nothing = tmp_path / "file"
    nothing.write_text("")
    here = Wanted("slowpoke", matcher="cosine", cache_dir=tmp_path / "cache")

    def error(wanted: Wanted, identity: str | None = None) -> str:
        task = Describe(wanted, photos / "00.png", "00.png", identity=identity)
        with pytest.raises(UnfitError) as caught:
            list(stream(workers, describe, [task] * 100))
        return str(caught.value)

    assert "no extractor named 'lonely'" in error(replace(here, extractor="lonely"))
    assert "can't read its weights" in error(replace(here, weights=nothing))
    assert "can't be written" in error(replace(here, cache_dir=nothing / "cache"))
    assert "are not those of the machine that asks" in error(here, "another")


def reaching(address: str) -> str:
    """How opening workers at an address fails."""
    with pytest.raises(MelError) as caught, open_executor(scheduler=address):
        pass
    return str(caught.value)


def test_releases_that_differ_and_clusters_that_die_are_one_line(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first when the run begins; lost workers after a while, a lost scheduler at once.

    Between them: a worker with two threads, and no nanny, lets its libraries use two.
    """
    pytest.importorskip("distributed")
    monkeypatch.setattr("mel_debug.workers.cluster.LONELY_SECONDS", 3.0)
    monkeypatch.setattr("mel_debug.workers.stream.LOOK_EVERY_SECONDS", 0.5)
    shadow = tmp_path / "shadow"
    copy_package(shadow, lambda text: text.replace(__version__, "0.0.1"))
    changed = {"PYTHONPATH": os.pathsep.join([str(shadow), site.env["PYTHONPATH"]])}
    alone = ["--no-nanny", "--nthreads", "2"]
    with cluster_of(tmp_path / "cluster", site.env, *alone, changed=changed) as cluster:
        until(lambda: "Registered to" in cluster.logs())
        assert f"has mel-debug 0.0.1, this machine {__version__}" in reaching(cluster.address)
        end(cluster.running.pop())
        assert "has no workers; start some: dask worker tcp://" in reaching(cluster.address)
        cluster.work(*alone)
        until(lambda: cluster.logs().count("Registered to") == 1)
        with open_executor(scheduler=cluster.address) as workers:
            assert workers.ahead == 4
            (told,) = stream(workers, chores.threads_told, [0])
            assert isinstance(told, Done)
            assert set(told.result.values()) == {"2"}
            outcomes = stream(workers, chores.slow_square, range(1000))
            next(outcomes)
            end(cluster.running.pop())
            with pytest.raises(MelError, match="has no workers any more"):
                list(outcomes)
            cluster.work(*alone)
            until(lambda: cluster.logs().count("Registered to") == 1)
            outcomes = stream(workers, chores.slow_square, range(1000))
            next(outcomes)
            end(cluster.running[0])
            with pytest.raises(MelError, match="the workers are gone"):
                list(outcomes)


def copy_package(folder: Path, change: Callable[[str], str]) -> None:
    """A copy of mel-debug of another release."""
    copied = folder / "mel_debug"
    shutil.copytree(Path(mel_debug.__file__).parent, copied)
    version = copied / "version.py"
    version.write_text(change(version.read_text()))
