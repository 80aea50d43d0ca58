"""The package that `new-plugin` writes: sound, installed by pip, working as built-in stages do."""

import ast
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sites import STAGES, install, listing, matcher_named, mel_debug, names, run_python
from workbench import Scene, run

pytestmark = pytest.mark.slow

NAME = "mel-debug-freckle"
MODULE = "mel_debug_freckle"


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is written."""
    folder = tmp_path_factory.mktemp("new") / "freckle"
    outcome = run("new-plugin", NAME, str(folder))
    assert outcome.code == 0, outcome.stderr
    return folder


@pytest.fixture(scope="session")
def site(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built and installed by pip into a folder of its own."""
    site = tmp_path_factory.mktemp("site")
    # pip fetches hatchling for the build unless it is here already.
    offline = ["--no-build-isolation"] if find_spec("hatchling") else []
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *offline]
    done = subprocess.run(
        [*pip, "--target", str(site), str(package)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return site


def test_its_own_tests_pass(package: Path, site: Path) -> None:
    """With pytest, run from its folder; conformance checks are most of them."""
    pytest_run = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA", str(package)]
    outcome = run_python(*pytest_run, "--rootdir", str(package), site=site)
    assert outcome.code == 0, outcome.stdout
    for test in (
        "test_conformance[freckle-colour-batch]",
        "test_conformance[freckle-manhattan-masks]",
        "test_conformance[freckle-spot-best]",
        "test_conformance[freckle-own-name]",
        "test_conformance[freckle-unknown-name]",
        "test_conformance_with_another_gamma[freckle-colour[gamma=0.5]-offline]",
    ):
        assert re.search(rf"^PASSED .*::{re.escape(test)}$", outcome.stdout, re.MULTILINE)


def tool(package: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of the development environment in the package's folder."""
    found = Path(sys.executable).with_name(name)
    if not found.exists():
        pytest.skip(f"{name} is not installed")
    return subprocess.run(
        [str(found), *arguments], cwd=package, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
)
def test_its_own_linters_find_nothing(package: Path, command: list[str]) -> None:
    """By the settings in its pyproject.toml: mypy is strict."""
    done = tool(package, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_imports_from_two_modules_of_mel_debug_only(package: Path) -> None:
    """One for the plugin, one for its tests."""
    imported = {
        node.module
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mel_debug.")
    }
    assert imported == {"mel_debug.plugin", "mel_debug.testing"}


def test_it_is_marked_as_typed(site: Path) -> None:
    assert (site / MODULE / "py.typed").is_file()


def test_it_is_listed_with_what_it_provides(site: Path) -> None:
    """With version, and each stage's summary and options with their defaults."""
    stages = listing(mel_debug("plugins", "--json", site=site))
    offers = {stage: next(o for o in stages[stage] if o["plugin"] == "freckle") for stage in STAGES}
    assert [preset["name"] for preset in stages["presets"] if preset["plugin"] == "freckle"] == [
        "freckle-raw"
    ]
    assert offers["extractors"]["family"] == "freckle-colour"
    assert {offer["version"] for offer in offers.values()} == {"0.1.0"}
    assert offers["extractors"]["summary"] == (
        "mean and standard deviation of the colours of 14 px patches"
    )
    described = {
        offer["name"]: [(option["name"], option["type"], option["default"]) for option in options]
        for offer in offers.values()
        if (options := offer["options"])
    }
    assert described == {
        "freckle-colour": [("gamma", "float", 1.0)],
        "freckle-manhattan": [("balance", "bool", True)],
        "freckle-spot": [("radius", "float", 2.5)],
    }


def freckle_run(scene: Scene, output: Path, *options: str) -> list[str]:
    """Look for a mole where it is known, with all three stages of the plugin."""
    stages = ["--extractor", "freckle-colour", "--similarity", "freckle-manhattan"]
    files = [str(output), str(scene.source), scene.uuid, str(scene.source)]
    more = ["--renderer", "freckle-spot", "--image-size", "252", "--json"]
    return ["dino3-map", *files, *stages, *more, *options]


def test_all_three_stages_of_a_plugin_work_in_one_run(
    site: Path, scene: Scene, tmp_path: Path
) -> None:
    """The mole is found in its own photo, and the plugin's light is on it and nowhere else."""
    output = tmp_path / "spot.png"
    options = [*("-o", "gamma", "0.5"), *("-o", "balance", "no"), *("-o", "radius", "1")]
    report = mel_debug(*freckle_run(scene, output, *options), site=site).report
    assert report["extractor"] == "freckle-colour"
    assert report["matcher"] == "freckle-manhattan"
    wide, high = (length / cells for length, cells in zip((256, 224), (18, 15), strict=True))
    assert abs(report["x"] - scene.mark[0]) <= wide
    assert abs(report["y"] - scene.mark[1]) <= high
    brightness = np.asarray(Image.open(output)).mean(axis=2)
    x, y = int(report["x"] * 252 / 256), int(report["y"] * 210 / 224)
    assert brightness.shape == (210, 252)
    assert brightness[y - 10 : y + 11, x - 10 : x + 11].mean() > 2 * brightness.mean()


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("gamma", "0", "above 0"),
        ("gamma", "bright", "a number"),
        ("balance", "maybe", "yes or no"),
        ("radius", "0.25", "at least 0.5"),
        ("sharpness", "1", "balance, gamma, radius"),
    ],
)
def test_a_bad_option_of_a_plugin_is_told_in_one_line(
    site: Path, scene: Scene, option: str, value: str, said: str
) -> None:
    """With exit code 2, naming the option and what it takes, before anything is run."""
    outcome = mel_debug(*freckle_run(scene, scene.output, "-o", option, value), site=site)
    assert outcome.code == 2
    assert repr(option) in outcome.error
    assert said in outcome.error
    assert not scene.output.exists()


def test_a_plugins_command_is_listed_and_runs(site: Path) -> None:
    """It stands among the built-in ones."""
    shown = mel_debug("--help", site=site)
    assert shown.code == 0
    assert re.search(
        r"^  freckle-info +Print what the extractor computes\.$", shown.stdout, re.MULTILINE
    )
    assert "  dino3-map  " in shown.stdout
    assert mel_debug("freckle-info", site=site).stdout == (
        "A patch of 14 px is described by 6 numbers.\n"
    )


@pytest.mark.parametrize(
    ("restriction", "loaded"),
    [
        (None, {"freckle", "other"}),
        ("", set()),
        ("freckle", {"freckle"}),
        (" other , absent", {"other"}),
        ("freckle,other", {"freckle", "other"}),
    ],
)
def test_the_environment_chooses_the_plugins(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restriction: str, loaded: set[str]
) -> None:
    """By the names of their entry points; what ships is always there."""
    install(tmp_path, "other", matcher_named("other-matcher"))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    )
    outcome = mel_debug("plugins", "--json", site=tmp_path, plugins=restriction)
    stages = listing(outcome)
    assert outcome.stderr == ""
    found = {name for name in ("freckle", "other") if names(stages, name)}
    assert found == loaded
    assert "cosine" in names(stages, "mel-debug")


def test_its_preset_and_its_resolver_work_by_name(site: Path, scene: Scene, tmp_path: Path) -> None:
    """One chooses the matcher and its options, the other makes an extractor that is not listed."""
    files = [str(tmp_path / "found.png"), str(scene.source), scene.uuid, str(scene.source)]
    stages = ["--extractor", "freckle:21", "--preset", "freckle-raw", "--image-size", "252"]
    report = mel_debug("dino3-map", *files, *stages, "--json", site=site).report
    assert (report["preset"], report["matcher"]) == ("freckle-raw", "freckle-manhattan")
    assert report["extractor"] == "freckle:21"


def test_a_wrong_name_of_its_resolver_lists_near_ones(site: Path, scene: Scene) -> None:
    """As those of timm do, in one line."""
    outcome = mel_debug(*scene.arguments("--extractor", "freckle:2l"), site=site)
    assert outcome.code == 2
    assert re.search(r"freckle:2\b", outcome.error)


def test_two_new_plugins_live_side_by_side(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every name in the package follows from its own."""
    assert run("new-plugin", "mel-debug-birthmark", str(tmp_path / "other")).code == 0
    other = tmp_path / "other" / "src"
    info = other / "mel_debug_birthmark-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: mel-debug-birthmark\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[mel_debug]\nbirthmark = mel_debug_birthmark.plugin\n")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    )
    outcome = mel_debug("plugins", "--json", site=other, MEL_DEBUG_STRICT_PLUGINS="1")
    assert len(names(listing(outcome), "freckle")) == 5
    assert names(listing(outcome), "birthmark") == {
        "birthmark-colour",
        "birthmark-manhattan",
        "birthmark-spot",
        "birthmark-raw",
        "birthmark:NAME",
    }
