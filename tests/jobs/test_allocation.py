"""Laws of memory in workers: what an array frees, the next one uses."""

import os
import platform
import subprocess
import sys

import pytest

from mel_debug.jobs.allocation import TRIM, keep_freed_memory

FAULTS = """
import resource, sys
import numpy as np
from mel_debug.jobs.allocation import keep_freed_memory

if sys.argv[1] == "undone":
    assert keep_freed_memory()
np.ones(1_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(1_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """The page faults of 20 arrays of 8 MB in a process with Dask's threshold."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how],
        env={**os.environ, TRIM: "65536"},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the threshold is one of glibc")
def test_workers_of_a_cluster_reuse_the_memory_of_freed_arrays() -> None:
    """With Dask's threshold, the system clears each array's pages anew."""
    assert faults("undone") < faults("as started") / 4


def test_without_a_threshold_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TRIM, raising=False)
    assert not keep_freed_memory()
