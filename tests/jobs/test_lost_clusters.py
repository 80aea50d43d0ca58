"""Laws of clusters that can't be used, or not any more: one line each."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import chores
import mel_debug
from clusters import Site, cluster_of, end, until
from mel_debug.core.errors import MelError
from mel_debug.jobs.executors import open_executor
from mel_debug.jobs.results import Done
from mel_debug.jobs.stream import stream
from mel_debug.version import __version__

pytestmark = pytest.mark.slow


def reaching(address: str) -> str:
    """How opening workers at an address fails."""
    with pytest.raises(MelError) as caught, open_executor(scheduler=address):
        pass
    return str(caught.value)


def test_differing_versions_and_lost_clusters_are_errors_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost workers are an error after a while, differing versions and a lost scheduler at once.

    A worker with two threads lets its libraries use two.
    """
    pytest.importorskip("distributed")
    monkeypatch.setattr("mel_debug.jobs.cluster.NO_WORKERS_SECONDS", 3.0)
    monkeypatch.setattr("mel_debug.jobs.stream.ALIVE_CHECK_SECONDS", 0.5)
    env = Site.make(tmp_path / "site").env
    shadow = tmp_path / "shadow"
    copy_package(shadow, lambda text: text.replace(__version__, "0.0.1"))
    changed = {"PYTHONPATH": os.pathsep.join([str(shadow), env["PYTHONPATH"]])}
    alone = ["--no-nanny", "--nthreads", "2"]
    with cluster_of(tmp_path / "cluster", env, *alone, changed=changed) as cluster:
        until(lambda: "Registered to" in cluster.logs())
        assert f"has mel-debug 0.0.1, but this machine has {__version__}" in reaching(
            cluster.address
        )
        end(cluster.running.pop())
        assert "has no workers; start some: dask worker tcp://" in reaching(cluster.address)
        cluster.work(*alone)
        until(lambda: cluster.logs().count("Registered to") == 1)
        with open_executor(scheduler=cluster.address) as workers:
            assert workers.queue_depth == 4
            (told,) = stream(workers, chores.threads_told, [0])
            assert isinstance(told, Done)
            assert set(told.result.values()) == {"2"}
            outcomes = stream(workers, chores.slow_square, range(1000))
            next(outcomes)
            end(cluster.running.pop())
            with pytest.raises(MelError, match="has lost all its workers"):
                list(outcomes)
            cluster.work(*alone)
            until(lambda: cluster.logs().count("Registered to") == 1)
            outcomes = stream(workers, chores.slow_square, range(1000))
            next(outcomes)
            end(cluster.running[0])
            with pytest.raises(MelError, match="all workers are lost"):
                list(outcomes)


def copy_package(folder: Path, change: Callable[[str], str]) -> None:
    """A copy of mel-debug of another release."""
    copied = folder / "mel_debug"
    shutil.copytree(Path(mel_debug.__file__).parent, copied)
    version = copied / "version.py"
    version.write_text(change(version.read_text()))
