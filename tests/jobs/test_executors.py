"""Laws of opening workers: a failure is one line, after a few seconds."""

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mel_debug.core.errors import MelError, UsageError
from mel_debug.jobs import cluster
from mel_debug.jobs.executors import open_executor
from workbench import run, save, skin


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections but never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def reaching(address: str) -> str:
    """The error of opening the workers of a scheduler."""
    with pytest.raises(MelError) as caught, open_executor(scheduler=address):
        pass
    return str(caught.value)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_an_error_within_seconds(
    monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    """Whether nothing listens at the address or something else does."""
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    start = time.monotonic()
    for address in ("tcp://127.0.0.1:1", silent):
        message = reaching(address)
        assert message.startswith(f"no Dask scheduler answers at {address} (")
        assert "is it running" in message
        assert "\n" not in message
    assert time.monotonic() - start < 30


def test_the_time_limit_for_connecting_is_a_few_seconds() -> None:
    """Instead of Dask's 30 s."""
    assert 2 <= cluster.CONNECT_SECONDS <= 10


def test_without_dask_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `cluster`."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'mel-debug[cluster]'" in reaching("tcp://127.0.0.1:1")


@pytest.mark.parametrize("address", ["", "here", "127.0.0.1:8786", "tcp://127.0.0.1", "http://a:1"])
def test_a_malformed_address_is_a_usage_error(address: str) -> None:
    """No connection is attempted."""
    with pytest.raises(UsageError, match="takes an address"), open_executor(scheduler=address):
        pass


def test_fewer_than_one_job_is_a_usage_error() -> None:
    """For callers from Python; the command line checks it too."""
    with pytest.raises(UsageError, match="at least one job"), open_executor(0):
        pass


@pytest.mark.usefixtures("only_builtins")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"], "exclude each other"),
        (["--scheduler", "here"], "takes an address"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--jobs", "2", "--no-cache"], "leave out --no-cache"),
    ],
)
def test_wrong_options_are_usage_errors(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    """With exit code 2, before any worker is started."""
    photo = save(skin(32, 32), tmp_path / "photo.jpg")
    outcome = run("precalc", str(photo), "--extractor", "xfeat", *arguments)
    assert outcome.code == 2
    assert complaint in outcome.stderr
