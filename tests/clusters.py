"""Real Dask clusters on this machine, and a plugin whose extractor takes its time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sites import install
from workbench import settings

TESTS = Path(__file__).parent
PATIENCE = 90.0
"""Seconds for what should take a few: the machine may be busy."""

NOTES = "SLOWPOKE_NOTES"
"""Environment variable: the folder in which each process that describes leaves its number."""

SLOWPOKE = f"""
import os, time
from pathlib import Path
from mel_debug.plugin import MelError, StageSpec, hookimpl

@hookimpl
def mel_extractors():
    return [
        StageSpec(
            "slowpoke", "a toy", build=Slowpoke, patch=8, image_size=64, depends_on=lambda _: ["1"]
        )
    ]

class Slowpoke:
    patch = 8
    mean_colour = 128, 128, 128

    def __init__(self, options):
        if options.weights is not None:
            raise MelError("slowpoke can't read its weights; try others")

    def extract(self, images):
        notes = Path(os.environ[{NOTES!r}])
        (notes / str(os.getpid())).touch()
        with open(notes.parent / "calls", "ab") as calls:
            calls.write(b".")
        time.sleep(0.05)
        calls = (notes.parent / "calls").stat().st_size
        while any(calls > int(hold.suffix[1:]) for hold in notes.parent.glob("hold.*")):
            time.sleep(0.01)
        count, height, width = images.shape[:3]
        patches = images.reshape(count, height // 8, 8, width // 8, 8, 3)
        return patches.mean(axis=(2, 4)).astype("float32")
"""


@dataclass(frozen=True)
class Site:
    """A folder with the plugin in it, and one for the notes that it leaves."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Site":
        (folder / "notes").mkdir(parents=True)
        install(folder, "slowpoke", SLOWPOKE)
        return cls(folder)

    @property
    def env(self) -> dict[str, str]:
        """What a process needs that is to see the plugin, and no setting of this machine."""
        clean = {name: value for name, value in os.environ.items() if name not in settings()}
        given = filter(None, [os.environ.get("PYTHONPATH")])
        paths = os.pathsep.join([str(self.folder), str(TESTS), *given])
        notes = str(self.folder / "notes")
        return {**clean, "PYTHONPATH": paths, "MEL_DEBUG_PLUGINS": "slowpoke", NOTES: notes}

    def workers(self) -> set[int]:
        """The processes that have described something since `forget`."""
        return {int(note.name) for note in (self.folder / "notes").iterdir()}

    @contextmanager
    def held_after(self, calls: int) -> Iterator[None]:
        """Within the block, every call after so many waits, so that no run is over too early."""
        (self.folder / "calls").write_bytes(b"")
        hold = self.folder / f"hold.{calls}"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    def forget(self) -> None:
        for note in (self.folder / "notes").iterdir():
            note.unlink()


@dataclass
class Cluster:
    """A scheduler and its workers, each group of processes ended for sure."""

    folder: Path
    env: Mapping[str, str]
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    address: str = ""

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Start `dask ...` in a group of its own."""
        log = (self.folder / f"{len(self.running)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments],
                env={**self.env, **(env or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)

    def schedule(self) -> None:
        """Start a scheduler on a free port."""
        place = self.folder / "scheduler.json"
        here = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.start("scheduler", *here, "--scheduler-file", str(place))
        until(lambda: place.exists() and place.read_text().rstrip().endswith("}"))
        self.address = json.loads(place.read_text())["address"]

    def work(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Start workers."""
        here = ["--host", "127.0.0.1", "--no-dashboard", "--local-directory", str(self.folder)]
        self.start("worker", self.address, *here, *arguments, env=env)

    def logs(self) -> str:
        return "\n".join(log.read_text() for log in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        for process in reversed(self.running):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)


@contextmanager
def cluster_of(
    folder: Path, env: Mapping[str, str], *workers: str, changed: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """A cluster whose workers are started with these arguments and changed environment."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, env)
    try:
        cluster.schedule()
        cluster.work(*workers, env=changed)
        yield cluster
    finally:
        cluster.stop()


def until(happened: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until a callable gives something true."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
