"""Laws of streaming work to this process and to others."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chores
from children import default_signals
from clusters import TESTS, Site, until
from mel_debug.core.errors import OUT_OF_MEMORY, MelError
from mel_debug.core.threads import cores
from mel_debug.jobs.executors import open_executor
from mel_debug.jobs.pool import Pool
from mel_debug.jobs.results import Done, Failed, WorkerSetupError
from mel_debug.jobs.stream import MAX_GIVEN_UP, stream
from mel_debug.jobs.threads import LIMITS, threads_for
from mel_debug.jobs.workers import InProcess, Workers
from sites import install, mel_debug
from workbench import save, skin


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=pytest.mark.slow)])
def workers(request: pytest.FixtureRequest) -> Iterator[Workers]:
    """This process, then two worker processes."""
    with open_executor(request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    """Two processes, which the tests kill."""
    with open_executor(2) as opened:
        yield opened


@given(st.lists(st.integers(0, 1000)), st.sets(st.integers(0, 1000)))
def test_each_item_comes_back_once_done_or_failed(items: list[int], bad: set[int]) -> None:
    """Whatever the items, and whichever of them are bad."""

    def work(item: int) -> int:
        if item in bad:
            raise MelError(f"{item} is bad")
        return item + 1

    outcomes = list(stream(InProcess(), work, items))
    assert [outcome.item for outcome in outcomes] == items
    for outcome in outcomes:
        if outcome.item in bad:
            assert outcome == Failed(outcome.item, f"{outcome.item} is bad")
        else:
            assert outcome == Done(outcome.item, outcome.item + 1)


def test_results_do_not_depend_on_the_workers(workers: Workers) -> None:
    """Except for their order."""
    outcomes = list(stream(workers, chores.square, range(20)))
    assert {outcome.item: outcome for outcome in outcomes} == {
        number: Done(number, number * number) for number in range(20)
    }


def test_a_bad_item_fails_alone(workers: Workers) -> None:
    """The reason is the text of a MelError, and the class and text of other errors."""
    outcomes = list(stream(workers, chores.odd_is_bad, range(4)))
    reasons = {out.item: out.reason for out in outcomes if isinstance(out, Failed)}
    assert reasons == {1: "1 is odd", 3: "KeyError: 3"}
    assert {out.item for out in outcomes if isinstance(out, Done)} == {0, 2}


@pytest.mark.parametrize("work", [chores.awkward, chores.leaves])
def test_an_error_of_any_kind_fails_its_item_only(workers: Workers, work: object) -> None:
    """Also one that cannot be unpickled, or that would end a process."""
    assert callable(work)
    outcomes = list(stream(workers, work, range(3)))
    assert all(isinstance(outcome, Failed) for outcome in outcomes)
    assert len(outcomes) == 3


def test_lack_of_memory_fails_its_item_only(workers: Workers) -> None:
    """With a message that says what to try."""
    outcomes = list(stream(workers, chores.hungry, range(5)))
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert failed == Failed(3, OUT_OF_MEMORY)


def test_a_setup_error_ends_the_run(workers: Workers) -> None:
    """Otherwise each of a million photos would fail with the same reason."""
    with pytest.raises(WorkerSetupError, match="no weights for"):
        list(stream(workers, chores.unfit, range(1_000_000)))


def test_items_are_taken_as_workers_become_free(workers: Workers) -> None:
    """The items may not fit in memory."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 1_000_000:
            taken += 1
            yield taken

    for number, _ in enumerate(outcomes := stream(workers, chores.square, items())):
        assert taken <= number + 1 + workers.queue_depth
        if number == 20:
            outcomes.close()
    assert taken < 100


@pytest.mark.slow
@pytest.mark.parametrize("deaths", [1, 3])
def test_a_worker_that_dies_costs_no_item(pool: Workers, tmp_path: Path, deaths: int) -> None:
    """The running items are repeated in new processes, each time a worker dies."""
    folders = [tmp_path / str(number) for number in range(deaths)]
    for folder in folders:
        folder.mkdir()
    items = [(folder, number) for folder in folders for number in range(8)]
    outcomes = list(stream(pool, chores.dies_once, items))
    assert all((folder / "died").exists() for folder in folders)
    assert sorted(outcomes, key=lambda outcome: outcome.item) == [
        Done(item, item[1]) for item in items
    ]


@pytest.mark.slow
def test_an_item_that_always_kills_its_worker_is_named_and_no_other(pool: Workers) -> None:
    """Items that were running at the same time succeed."""
    outcomes = list(stream(pool, chores.deadly_seven, range(16)))
    assert [out.item for out in outcomes if isinstance(out, Failed)] == [7]
    assert {out.item for out in outcomes if isinstance(out, Done)} == {*range(16)} - {7}


@pytest.mark.slow
def test_workers_that_die_on_every_item_end_the_run(pool: Workers) -> None:
    """After a few items."""
    done: list[Done[int, int] | Failed[int]] = []
    with pytest.raises(MelError, match=r"workers die on every item, last on \d;"):
        done.extend(stream(pool, chores.deadly, range(1_000)))
    assert len(done) < MAX_GIVEN_UP


@pytest.mark.slow
def test_workers_share_the_cores() -> None:
    """The thread limits of numpy, torch and OpenCV apply to workers, not to this process."""
    before = {name: os.environ.get(name) for name in LIMITS}
    with open_executor(2) as workers:
        told = next(stream(workers, chores.threads_told, [0]))
        used = next(stream(workers, chores.threads_used, [0]))
    assert {name: os.environ.get(name) for name in LIMITS} == before
    assert isinstance(told, Done)
    assert isinstance(used, Done)
    each = threads_for(2)
    assert 1 <= each <= max(1, cores() // 2)
    for name, value in told.result.items():
        assert value == (before[name] or str(each))
    if not any(before.values()):
        assert used.result[1:] == (each, each)


@pytest.mark.parametrize("jobs", [1, 2, 3, 1000])
def test_no_worker_is_left_without_a_thread(jobs: int) -> None:
    """Together they use at most all cores, unless there are more workers than cores."""
    assert threads_for(jobs) >= 1
    assert jobs * threads_for(jobs) <= max(cores(), jobs)


RUN = """
import os, sys
sys.path.insert(0, sys.argv[1])
import chores
from mel_debug.jobs.executors import open_executor
from mel_debug.jobs.stream import stream
if __name__ == "__main__":
    with open_executor(2) as workers:
        for outcome in stream(workers, chores.process_number, range(100)):
            print(outcome.result, flush=True)
            if outcome.item == 10:
                print("now", flush=True)
                list(stream(workers, chores.sleep_long, range(3)))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals to a group of processes")
@pytest.mark.parametrize("to_all", [False, True], ids=["to the first", "to all of the group"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_workers_end_with_the_process_that_started_them(
    tmp_path: Path, how: signal.Signals, *, to_all: bool
) -> None:
    """For each signal, soon, and without output except the script's own traceback."""
    script = tmp_path / "run.py"
    script.write_text(RUN)
    with default_signals():
        process = subprocess.Popen(
            [sys.executable, str(script), str(TESTS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        told = []
        while (line := process.stdout.readline()) and line != "now\n":
            told.append(int(line))
        time.sleep(0.3)
        start = time.monotonic()
        os.killpg(process.pid, how) if to_all else process.send_signal(how)
        errors = process.stderr.read()  # to the end: when the last worker has closed it
    assert time.monotonic() - start < 40  # the calls under way would take a minute
    until(lambda: not any(is_running(pid) for pid in told))
    if how is not signal.SIGKILL:
        assert errors.count("Traceback") == 1  # the script's own
        assert errors.splitlines()[-1] in ("KeyboardInterrupt", "mel_debug.core.errors.Terminated")
        assert "resource_tracker" not in errors


@pytest.mark.slow
def test_stopping_with_cancelled_calls_raises_in_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool's own thread fails calls of a dead worker, which a cancelled call does not allow."""
    raised: list[object] = []
    monkeypatch.setattr("threading.excepthook", raised.append)
    pool = Pool(1)
    monkeypatch.setattr(pool._pool, "shutdown", _late(pool._pool.shutdown))
    calls = [pool.submit(time.sleep, 60) for _ in range(4)]
    assert calls[-1].cancel()
    pool.stop()
    until(lambda: all(call.done() for call in calls))
    assert not raised


def _late(shutdown: Callable[..., None]) -> Callable[..., None]:
    """Time for the pool to see that a worker has ended."""

    def late(*args: object, **kwargs: object) -> None:
        time.sleep(1.0)
        shutdown(*args, **kwargs)

    return late


@pytest.fixture(scope="module")
def many_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More photos than two workers finish before a signal arrives."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(400):
        save(skin(64, 64, seed=number), folder / f"{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals to a group of processes")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.5, 2.0])
def test_a_command_ended_by_a_signal_prints_one_line_and_leaves_no_process(
    tmp_path: Path, many_photos: Path, how: signal.Signals, seconds: float
) -> None:
    """At any time after its workers were started; a second signal changes nothing."""
    site = Site.make(tmp_path / "site")
    mark = [
        "-m",
        "mel_debug",
        "precalc",
        str(many_photos),
        "--extractor",
        "slowpoke",
        "--jobs",
        "2",
    ]
    with default_signals():
        process = subprocess.Popen(
            [sys.executable, *mark, "--cache-dir", str(tmp_path / "cache")],
            env=site.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    with process:
        assert process.stderr is not None
        until(lambda: site.workers() or process.poll() is not None)  # a worker extracts
        assert process.poll() is None
        time.sleep(seconds)
        process.send_signal(how)
        time.sleep(0.05)
        if process.poll() is None and how is signal.SIGTERM:
            process.send_signal(how)
        errors = process.stderr.read()
    assert process.returncode == (143 if how is signal.SIGTERM else 1)
    assert errors.splitlines()[-1] == "Error: stopped"
    assert "resource_tracker" not in errors
    assert "Traceback" not in errors
    until(lambda: not group_members(process.pid))


GREEDY = """
import os, signal
from mel_debug.plugin import StageSpec, hookimpl

@hookimpl
def mel_extractors():
    return [
        StageSpec(
            "greedy", "a toy", build=Greedy, patch=8, image_size=64, depends_on=lambda _: ["1"]
        )
    ]

class Greedy:
    patch = 8
    mean_colour = 128, 128, 128
    def __init__(self, options): pass
    def extract(self, images):
        if images[0, 0, 0, 0] == 255:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
        if images[0, 0, 0, 0] == 254:
            raise MemoryError
        count, height, width = images.shape[:3]
        patches = images.reshape(count, height // 8, 8, width // 8, 8, 3)
        return patches.mean(axis=(2, 4)).astype("float32")
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize(
    ("grey", "reason"), [(255, "too little memory"), (254, "not enough memory")]
)
def test_a_photo_that_needs_too_much_memory_is_named_in_one_line(
    tmp_path: Path, grey: int, reason: str, others: int
) -> None:
    """Whether its worker is killed or gets a MemoryError, alone and among other photos."""
    site, photos = tmp_path / "site", tmp_path / "photos"
    site.mkdir()
    photos.mkdir()
    install(site, "greedy", GREEDY)
    bad = save(np.full((64, 64, 3), grey, dtype=np.uint8), photos / "bad.png")
    for number in range(others):
        save(np.full((64, 64, 3), number, dtype=np.uint8), photos / f"{number}.png")
    stages = ["--extractor", "greedy", "--cache-dir", str(tmp_path / "cache"), "--jobs", "2"]
    outcome = mel_debug("precalc", str(photos), *stages, site=site)
    assert outcome.code == 1
    (line,) = [line for line in outcome.stderr.splitlines() if str(bad) in line]
    assert reason in line
    assert "Traceback" not in outcome.stderr
    # Some may have been stored before the worker was killed; then the next one finds them.
    counts = re.search(r"(\d+) extracted.*?(\d+) already cached", outcome.stdout)
    assert counts is not None, outcome.stdout
    assert int(counts[1]) + int(counts[2]) == others


def group_members(group: int) -> list[int]:
    """The processes of a group that still run."""
    listed = subprocess.run(
        ["ps", "-eo", "pid,pgid,stat"], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()[1:]]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and stat[0] != "Z"]


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is more than a number left to be read."""
    status = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return subprocess.run(["ps", "-p", str(pid)], check=False).returncode == 0
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_processes_are_prepared_before_their_first_call(tmp_path: Path) -> None:
    """All of them, at once, and whatever preparing raises."""
    with open_executor(2, prepare=partial(chores.note_and_fail, tmp_path)) as workers:
        until(lambda: len(list(tmp_path.iterdir())) == 2)
        outcomes = list(stream(workers, chores.square, range(4)))
    assert sorted(outcome.result for outcome in outcomes if isinstance(outcome, Done)) == [
        0, 1, 4, 9,
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_signal_before_the_first_call_is_raised_at_once() -> None:
    """Planning may take long; there is nothing to clean up in the workers yet."""

    def interrupted() -> None:
        with open_executor(2):
            signal.raise_signal(signal.SIGINT)
            pytest.fail("it was only recorded")

    # The pool of the other tests has a handler of its own.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        signal.signal(signal.SIGINT, before)
