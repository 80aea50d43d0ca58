"""Laws of a command that a shell runs in the background."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import save, skin

pytestmark = pytest.mark.slow

IGNORING = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    "import os; os.execv(sys.executable, [sys.executable, '-m', 'mel_debug', *sys.argv[1:]])"
)
"""Becomes `mel-debug`, as a shell starts it for `mel-debug ... &` in a script."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_was_started_with_ctrl_c_ignored_goes_on(
    tmp_path: Path, feature_cache: Path, jobs: int
) -> None:
    """The key is meant for another job of that terminal."""
    for number in range(12):
        save(skin(128, 96, seed=number), tmp_path / f"{number}.png")
    stages = ["--extractor", "xfeat", "--image-size", "1024", "--jobs", str(jobs)]
    with subprocess.Popen(
        [sys.executable, "-c", IGNORING, "precalc", str(tmp_path), *stages],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not any((feature_cache / "features").glob("*/[!.]*")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "12 extracted" in output
