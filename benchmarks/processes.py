"""Wall time and peak memory of whole processes."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Run:
    """A process that succeeded: wall seconds, peak resident megabytes and its output.

    `busy` is its processor time, of the user and of the system, in seconds.
    """

    seconds: float
    megabytes: float
    printed: str
    busy: float = 0.0


_WATCH = """
import json, os, sys, time
start = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
seconds = time.perf_counter() - start
with open(sys.argv[1], "w") as note:
    busy = used.ru_utime + used.ru_stime
    json.dump([os.waitstatus_to_exitcode(status), seconds, used.ru_maxrss, busy], note)
"""
"""A small process that starts the command, because a process inherits its parent's peak memory."""


def run(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    ends_with: Sequence[int] = (0,),
) -> Run:
    """Run a command with `env` on top of the environment. Ends the script if it fails.

    Bytecode may be kept, as it is for everything that pip installs.
    """
    with tempfile.NamedTemporaryFile("r") as note:
        done = subprocess.run(
            [sys.executable, "-S", "-c", _WATCH, note.name, *command],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(env or {})},
            check=True,
        )
        code, seconds, peak, busy = json.load(note)
    if code not in ends_with:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, peak * kilobyte / MEGABYTE, done.stdout, busy)


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def in_turn(rounds: int, *contestants: Callable[[], float]) -> list[list[float]]:
    """Run each measurement `rounds` times, in turn, so that noise affects all alike."""
    measured: list[list[float]] = [[] for _ in contestants]
    for _ in range(rounds):
        for values, contestant in zip(measured, contestants, strict=True):
            values.append(contestant())
    return measured


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median, minimum and maximum."""
    return statistics.median(values), min(values), max(values)
