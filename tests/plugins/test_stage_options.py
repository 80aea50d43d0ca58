"""Options belong to a stage, patches may depend on them, and presets may come from a plugin."""

from pathlib import Path
from typing import Any

import pytest

from mel_debug.plugins.config import RunConfig, resolve
from sites import install, listing, mel_debug, names
from workbench import Outcome, Scene, run

TILES = """
import numpy as np
from mel_debug.plugin import Option, Preset, StageSpec, hookimpl

class Tiles:
    mean_colour = (128, 128, 128)

    def __init__(self, patch):
        self.patch = patch

    def extract(self, images):
        count, height, width = images.shape[:3]
        cells = (count, height // self.patch, self.patch, width // self.patch, self.patch, 3)
        patches = images.astype(np.float32).reshape(cells)
        return np.concatenate([patches.mean((2, 4)) - 128, patches.std((2, 4))], axis=-1)

@hookimpl
def mel_extractors():
    return [
        StageSpec(
            "tiles",
            "colours of square tiles",
            build=lambda options: Tiles(options["side"]),
            options=(Option("side", 8, "of a tile", minimum=1), Option("pool", 1, "of no use")),
            patch=lambda values: values["side"],
            image_size=240,
            family="paving",
            preset="closest",
        )
    ]

@hookimpl
def mel_presets():
    return [
        Preset("closest", "Euclidean distance between cells", "euclidean", {"place": "peak"}),
        Preset("dark", "a preset with an option that its matcher lacks", "cosine", {"glow": 3}),
    ]
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an extractor whose patch is an option, and presets."""
    folder = tmp_path / "site"
    folder.mkdir()
    install(folder, "paving", TILES)
    return folder


def find(site: Path, scene: Scene, *options: str) -> Outcome:
    """A whole `dino3-map` in which the source is also the target."""
    files = [str(scene.output), str(scene.source), scene.uuid, str(scene.source)]
    return mel_debug("dino3-map", *files, "--extractor", "tiles", "--json", *options, site=site)


@pytest.mark.parametrize("side", [6, 8, 24])
def test_a_patch_that_is_an_option_is_used_in_a_run(site: Path, scene: Scene, side: int) -> None:
    """The photo is divided by it, and the mole found within a cell."""
    report = find(site, scene, "-o", "side", str(side)).report
    cell = side * 256 / 240
    assert abs(report["x"] - scene.mark[0]) <= cell
    assert abs(report["y"] - scene.mark[1]) <= cell
    assert scene.output.exists()


def test_an_image_size_is_checked_by_the_patch_of_the_options(site: Path, scene: Scene) -> None:
    """100 divides by 20, not by 8."""
    assert find(site, scene, "--image-size", "100", "-o", "side", "20").code == 0
    scene.output.unlink()
    outcome = find(site, scene, "--image-size", "100")
    assert outcome.code == 2
    assert "--image-size 100 is not a multiple of the 8 px patch of tiles; try 96" in outcome.error
    assert not scene.output.exists()


def test_an_option_that_two_stages_have_needs_its_stage(site: Path, scene: Scene) -> None:
    """The error shows both ways to write it."""
    outcome = find(site, scene, "-o", "pool", "3")
    assert outcome.code == 2
    assert "more than one of tiles, euclidean, heatmap has an option 'pool'" in outcome.error
    assert "extractor.pool or matcher.pool" in outcome.error


@pytest.mark.parametrize("stage", ["extractor", "matcher"])
def test_an_option_may_be_given_with_its_stage(site: Path, scene: Scene, stage: str) -> None:
    assert find(site, scene, "-o", f"{stage}.pool", "3").code == 0


def test_an_option_is_looked_for_in_the_stage_that_is_named(site: Path, scene: Scene) -> None:
    outcome = find(site, scene, "-o", "matcher.side", "8")
    assert outcome.code == 2
    assert "euclidean has no option 'side'" in outcome.error


@pytest.mark.parametrize("name", ["sides", "tiles.side", "painter.side", ".", "matcher.", ""])
def test_an_option_of_no_stage_is_one_line(site: Path, scene: Scene, name: str) -> None:
    outcome = find(site, scene, "-o", name, "8")
    assert outcome.code == 2
    assert "has no option" in outcome.error or "has an option" in outcome.error


def test_the_extractors_own_preset_is_its_default(site: Path, scene: Scene) -> None:
    """It may be one that the plugin provides."""
    report = find(site, scene).report
    assert (report["preset"], report["matcher"]) == ("closest", "euclidean")


def test_a_preset_of_a_plugin_works_with_any_extractor(site: Path, scene: Scene) -> None:
    arguments = scene.arguments("--preset", "closest", "--json")
    arguments = [text for text in arguments if text not in ("--similarity", "cosine")]
    report = mel_debug(*arguments, site=site).report
    assert (report["extractor"], report["preset"]) == ("xfeat", "closest")
    assert report["matcher"] == "euclidean"


def test_a_matcher_of_ones_own_overrides_that_of_the_preset(site: Path, scene: Scene) -> None:
    """Options of the preset that it does not have are left out."""
    report = find(site, scene, "--preset", "closest", "--matcher", "geometric").report
    assert report["matcher"] == "geometric"


def test_a_preset_with_an_option_that_its_matcher_lacks_is_named(site: Path, scene: Scene) -> None:
    """Left out silently, it would make the preset another one."""
    outcome = find(site, scene, "--preset", "dark")
    assert outcome.code == 2
    assert "preset 'dark': cosine has no option 'glow'; it has: " in outcome.error


def test_an_unknown_preset_is_one_line_with_the_names_there_are(site: Path, scene: Scene) -> None:
    outcome = find(site, scene, "--preset", "closets")
    assert outcome.code == 2
    assert "no preset named 'closets'; try one of: fast, accurate, closest" in outcome.error


def test_presets_families_and_runtimes_are_listed(site: Path) -> None:
    outcome = mel_debug("plugins", "--json", site=site)
    listed = listing(outcome)
    assert names(listed, "paving") == {"tiles", "closest", "dark"}
    by_name: dict[str, dict[str, Any]] = {item["name"]: item for item in listed["presets"]}
    assert by_name["closest"] == {
        "name": "closest",
        "plugin": "paving",
        "version": "0.1",
        "summary": "Euclidean distance between cells",
        "matcher": "euclidean",
        "options": {"place": "peak"},
    }
    extractors = {item["name"]: item for item in listed["extractors"]}
    tiles, dinov3 = extractors["tiles"], extractors["dinov3-base"]
    assert (tiles["family"], tiles["preset"], tiles["runtimes"]) == ("paving", "closest", ["torch"])
    assert (dinov3["family"], dinov3["runtimes"]) == ("dinov3", ["torch", "openvino"])
    text = mel_debug("plugins", site=site).stdout
    assert "--matcher euclidean -o place peak" in text
    assert "family paving; preset closest" in text


def completed(site: Path, words: str, incomplete: str) -> list[str]:
    """What Click's completion script for zsh and fish would be given."""
    outcome = mel_debug(
        site=site,
        _MEL_DEBUG_COMPLETE="bash_complete",
        COMP_WORDS=f"mel-debug {words} {incomplete}",
        COMP_CWORD=str(len(words.split()) + 1),
    )
    return [line.split(",")[1] for line in outcome.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "start", "found"),
    [
        ("dino3-map --preset", "", ["fast", "accurate", "closest", "dark"]),
        ("evaluate DIR --preset", "c", ["closest"]),
        ("dino3-map --extractor", "til", ["tiles"]),
        ("dino3-map --matcher", "geo", ["geometric"]),
        ("dino3-map --renderer", "p", ["pair"]),
    ],
)
def test_a_shell_completes_names_of_installed_stages_and_presets(
    site: Path, words: str, start: str, found: list[str]
) -> None:
    assert completed(site, words, start) == found


@pytest.mark.usefixtures("only_builtins")
def test_help_names_no_preset_that_a_plugin_could_add_to() -> None:
    """The list of presets is `mel-debug plugins`."""
    for command in ("dino3-map", "evaluate"):
        assert "--preset NAME" in run(command, "--help").stdout


def test_extractors_of_one_family_share_a_calibration(tmp_path: Path) -> None:
    """Others have one of their own."""
    keys = {
        name: resolve(RunConfig(extractor=name, matcher="cosine", cache_dir=tmp_path))
        for name in ("dinov3-small", "dinov3-large", "xfeat")
    }
    small, large, xfeat = (run.calibration_key for run in keys.values())
    assert small == large
    assert xfeat != small
