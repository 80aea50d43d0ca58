"""`mel-debug doctor` reports everything a bug report needs, and most of all what is broken."""

import os
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from mel_debug.diagnosis import LIBRARIES
from sites import install, matcher_named, mel_debug, run_python
from workbench import Dinov3Weights, cache_of, run_and_see_imports

PROJECT = Path(__file__).parent.parent
PARTS = {
    *("mel_debug", "python", "system", "libraries", "plugins", "weights", "hub", "cache"),
    *("folders", "settings", "environment", "devices"),
}


def test_the_libraries_are_those_of_the_project() -> None:
    """A requirement that is added must show in bug reports."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    required = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    assert {Requirement(text).name for text in required} == set(LIBRARIES)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a machine with one good plugin and one broken."""
    site = tmp_path_factory.mktemp("site")
    install(site, "good", matcher_named("toy"))
    install(site, "broken", "raise OSError('no \\x1b[31mlicence')")
    outcome = mel_debug("doctor", "--json", site=site, HF_TOKEN="secret")
    assert outcome.stderr == ""
    assert "secret" not in outcome.stdout
    return outcome.report


@pytest.mark.slow
def test_every_part_is_there(sound: dict[str, Any]) -> None:
    assert set(sound) == PARTS
    assert all("fault" not in part for part in sound.values())
    assert sound["python"]["version"].startswith("3.")
    assert sound["system"]["cores"] >= 1
    assert sound["libraries"]["numpy"][0].isdigit()
    assert {"dinov3-small", "dinov3-7b", "xfeat"} <= set(sound["weights"])
    assert sound["devices"]["torch"]["threads"] >= 1


@pytest.mark.slow
def test_plugins_are_reported_with_what_they_provide_or_their_fault(sound: dict[str, Any]) -> None:
    """Text from a plugin is made printable."""
    plugins = {plugin["name"]: plugin for plugin in sound["plugins"]}
    assert plugins["good"] == {"name": "good", "version": "0.1", "matchers": ["toy"]}
    assert plugins["broken"]["fault"] == "OSError: no \\x1b[31mlicence"
    assert plugins["broken"]["module"] == "mel_broken"


BROKEN_TORCH = {
    "crashes": "import os; os.abort()",
    "raises": "raise ImportError('libcudart.so.12: cannot open shared object file')",
    "exits": "raise SystemExit(3)",
}


@pytest.mark.slow
@pytest.mark.parametrize("way", BROKEN_TORCH)
def test_a_broken_torch_is_one_fault_in_a_whole_report(tmp_path: Path, way: str) -> None:
    """Whoever runs `doctor` has an installation that does not work."""
    (tmp_path / "torch.py").write_text(BROKEN_TORCH[way])
    outcome = mel_debug("doctor", "--json", site=tmp_path)
    assert set(outcome.report) == PARTS
    assert "fault" in str(outcome.report["devices"])
    assert outcome.stderr == ""
    text = mel_debug("doctor", site=tmp_path)
    assert text.code == 0
    assert "fault" in text.stdout


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A folder in which the runtimes fail at once, for tests of other parts."""
    for name in ("torch", "openvino"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not today')")
    return tmp_path


@pytest.mark.slow
def test_a_wrong_setting_is_reported_where_it_matters(quick: Path) -> None:
    """With the setting itself among those of the environment."""
    outcome = mel_debug("doctor", "--json", site=quick, MEL_DEBUG_CACHE_SIZE="lots")
    assert "MEL_DEBUG_CACHE_SIZE" in outcome.report["cache"]["fault"]
    assert outcome.report["environment"]["MEL_DEBUG_CACHE_SIZE"] == "lots"


@pytest.mark.slow
def test_the_home_folder_is_not_spelled_out(quick: Path) -> None:
    """Its name is often the person's; a folder that only begins like it is another one."""
    home = quick / "maria"
    home.mkdir()
    settings = {
        "MEL_DEBUG_CACHE": str(home / "cache"),
        "MEL_DEBUG_STATE_DIR": f"{home}-too",
        "HF_HOME": str(home / "hub"),
    }
    for arguments in (["--json"], []):
        outcome = mel_debug("doctor", *arguments, site=quick, HOME=str(home), **settings)
        assert outcome.code == 0
        assert "maria/" not in outcome.stdout
        assert f"~{os.sep}cache" in outcome.stdout
        assert f"{home}-too" in outcome.stdout


@pytest.mark.slow
def test_weights_that_were_downloaded_are_found(quick: Path, dinov3_small: Dinov3Weights) -> None:
    """Each size for itself."""
    hub = cache_of(quick / "hub", dinov3_small)
    report = mel_debug("doctor", "--json", site=quick, HF_HUB_CACHE=str(hub)).report
    assert report["weights"]["dinov3-small"]["status"] == "found"
    assert report["weights"]["dinov3-base"]["status"] == "not found"


@pytest.mark.slow
def test_it_imports_nothing_heavy_itself(tmp_path: Path) -> None:
    """What crashes, crashes in a process of its own."""
    outcome, loaded = run_and_see_imports(tmp_path / "note", "doctor")
    assert outcome.code == 0
    assert loaded == set()


WATCHED = """
import runpy, sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        sys.stderr.write(f"network: {event} {args}\\n")
sys.addaudithook(watch)
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["mel_debug", "doctor"], ["mel_debug.builtin.extractors.device_report"]]
)
def test_it_uses_no_network(tmp_path: Path, arguments: list[str]) -> None:
    """Neither the command nor the process it starts."""
    outcome = run_python("-c", WATCHED, *arguments, site=tmp_path)
    assert outcome.code == 0, outcome.stderr
    assert "network:" not in outcome.stderr
