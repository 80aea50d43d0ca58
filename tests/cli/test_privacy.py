"""Laws of privacy: a search sends nothing to anybody, and neither does a package that it uses."""

from pathlib import Path

import pytest

from extras import needs_openvino, needs_xfeat
from mel_debug.files.user_dirs import GRAPHS
from workbench import Dinov3Weights, Scene, run_python

OUTSIDE = ("os.fork", "os.forkpty", "socket.connect", "socket.getaddrinfo")
"""Python's audit events of a process that asks the network, or has a copy of itself do so."""

_WATCH = f"""
import sys
noted = open(sys.argv[1], "a", buffering=1)
sys.addaudithook(lambda event, _: noted.write(event + "\\n") if event in {OUTSIDE!r} else None)
"""
_COMMAND = """
from mel_debug.cli.main import main
main(sys.argv[2:], prog_name="mel-debug")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "computes",
    [
        pytest.param("xfeat", marks=needs_xfeat),
        "torch",
        pytest.param("openvino", marks=needs_openvino),
    ],
)
def test_a_search_with_weights_at_hand_asks_and_tells_nobody(
    scene: Scene, dinov3_small: Dinov3Weights, tmp_path: Path, computes: str
) -> None:
    """No connection, no fork, no trace in the home folder; OpenVINO's conversion included."""
    how = ["--extractor", "xfeat"]
    if computes != "xfeat":
        how = ["--dino-size", "small", "--weights", str(dinov3_small.safetensors)]
        how += ["--image-size", "128", "--runtime", computes]
    home, note = tmp_path / "home", tmp_path / "note"
    home.mkdir()
    outcome = run_python(
        *("-c", _WATCH + _COMMAND, str(note), "dino3-map"),
        *(str(scene.output), str(scene.target), scene.uuid, str(scene.source)),
        *how,
        env={"HOME": str(home), "CI": "", GRAPHS: str(tmp_path / "graphs")},
    )
    assert outcome.code == 0, outcome.stderr
    assert note.read_text().splitlines() == []
    assert [path.name for path in home.rglob("*")] == []


@pytest.mark.slow
def test_the_watch_sees_what_leaves(tmp_path: Path) -> None:
    """Or the law above would hold for everything."""
    note = tmp_path / "note"
    run_python("-c", _WATCH + "import os; os.fork() or os._exit(0); os.wait()", str(note))
    assert note.read_text().splitlines() == ["os.fork"]
