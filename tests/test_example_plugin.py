"""A whole plugin, built and installed by pip, works as the built-in stages do."""

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
from workbench import Scene

EXAMPLE = Path(__file__).parent / "example_plugin"


pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example plugin, built and installed by pip into a folder of its own."""
    site = tmp_path_factory.mktemp("acme")
    # pip fetches hatchling for the build unless it is here already.
    offline = ["--no-build-isolation"] if find_spec("hatchling") else []
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *offline]
    done = subprocess.run(
        [*pip, "--target", str(site), str(EXAMPLE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return site


def test_an_installed_plugin_is_listed_with_what_it_offers(acme: Path) -> None:
    """Its name and version, and each offer's summary and options with their defaults."""
    stages = listing(mel_debug("plugins", "--json", site=acme))
    offers = {stage: next(o for o in stages[stage] if o["plugin"] == "acme") for stage in STAGES}
    assert {offer["version"] for offer in offers.values()} == {"1.2.3"}
    assert offers["extractors"]["summary"] == "mean and spread of the colours of 14 px patches"
    described = {
        offer["name"]: [(option["name"], option["type"], option["default"]) for option in options]
        for offer in offers.values()
        if (options := offer["options"])
    }
    assert described == {
        "acme-colour": [("gamma", "float", 1.0)],
        "acme-manhattan": [("balance", "bool", True)],
        "acme-spot": [("radius", "float", 2.5)],
    }


def acme_run(scene: Scene, output: Path, *options: str) -> list[str]:
    """Look for a mole where it is known, with all three stages of the example plugin."""
    stages = ["--extractor", "acme-colour", "--similarity", "acme-manhattan"]
    files = [str(output), str(scene.source), scene.uuid, str(scene.source)]
    more = ["--renderer", "acme-spot", "--image-size", "252", "--json"]
    return ["dino3-map", *files, *stages, *more, *options]


def test_all_three_stages_of_a_plugin_work_in_one_run(
    acme: Path, scene: Scene, tmp_path: Path
) -> None:
    """The mole is found in its own photo, and the plugin's light is on it and nowhere else."""
    output = tmp_path / "spot.png"
    options = [*("-o", "gamma", "0.5"), *("-o", "balance", "no"), *("-o", "radius", "1")]
    report = mel_debug(*acme_run(scene, output, *options), site=acme).report
    assert report["extractor"] == "acme-colour"
    assert report["similarity"] == "acme-manhattan"
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
    acme: Path, scene: Scene, option: str, value: str, said: str
) -> None:
    """With exit code 2, naming the option and what it takes, before anything is run."""
    outcome = mel_debug(*acme_run(scene, scene.output, "-o", option, value), site=acme)
    assert outcome.code == 2
    assert repr(option) in outcome.error
    assert said in outcome.error
    assert not scene.output.exists()


def test_a_plugins_command_is_listed_and_runs(acme: Path) -> None:
    """It stands among the built-in ones."""
    shown = mel_debug("--help", site=acme)
    assert shown.code == 0
    assert re.search(r"^  acme-info +Say what Acme looks at\.$", shown.stdout, re.MULTILINE)
    assert "  dino3-map  " in shown.stdout
    assert mel_debug("acme-info", site=acme).stdout == (
        "Acme describes a patch of 14 px by 6 numbers.\n"
    )


@pytest.mark.parametrize(
    ("restriction", "loaded"),
    [
        (None, {"acme", "other"}),
        ("", set()),
        ("acme", {"acme"}),
        (" other , absent", {"other"}),
        ("acme,other", {"acme", "other"}),
    ],
)
def test_the_environment_chooses_the_plugins(
    acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restriction: str, loaded: set[str]
) -> None:
    """By the names of their entry points; what ships is always there."""
    install(tmp_path, "other", matcher_named("other-matcher"))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(acme), os.environ.get("PYTHONPATH")]))
    )
    outcome = mel_debug("plugins", "--json", site=tmp_path, plugins=restriction)
    stages = listing(outcome)
    assert outcome.stderr == ""
    found = {name for name in ("acme", "other") if names(stages, name)}
    assert found == loaded
    assert "cosine" in names(stages, "mel-debug")


def test_the_example_plugin_passes_its_own_tests(acme: Path) -> None:
    """They are the contract checks, used as an author would."""
    pytest_run = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "contracts.py")]
    outcome = run_python(*pytest_run, site=acme)
    assert outcome.code == 0, outcome.stdout
    assert "3 passed" in outcome.stdout
