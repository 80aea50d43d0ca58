"""What `MEL_DEBUG_TRACE_PLUGINS` shows, and what `--strict-plugins` refuses."""

import re
from pathlib import Path

import pytest

from sites import HEAD, install, listing, matcher_named, mel_debug, names, run_python
from workbench import MOLE, mark, run, save, skin

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with one good and one broken plugin installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    install(folder, "good", matcher_named("toy"))
    install(folder, "broken", "import nothing_of_that_name")
    return folder


def traced(site: Path, *arguments: str, plugins: str | None = None) -> list[str]:
    """The lines about plugins on standard error."""
    outcome = mel_debug(*arguments, site=site, plugins=plugins, MEL_DEBUG_TRACE_PLUGINS="1")
    assert outcome.code == 0
    return [line for line in outcome.stderr.splitlines() if line.startswith("plugins: ")]


def test_a_trace_shows_each_plugin_found_loaded_and_skipped(site: Path) -> None:
    """With distribution, version, time of import, what it provides, or the reason."""
    lines = traced(site, "plugins", "--json")
    assert "plugins: good: found, mel_good of mel_good 0.1" in lines
    assert "plugins: good: loaded, matchers toy" in lines
    assert any(re.fullmatch(r"plugins: good: imported in \d+\.\d ms", line) for line in lines)
    skipped = (
        "plugins: broken: skipped, ModuleNotFoundError: No module named 'nothing_of_that_name'"
    )
    assert skipped in lines
    assert any(line.startswith("plugins: mel-debug: loaded, extractors dinov3-") for line in lines)


def test_a_trace_shows_what_the_environment_excludes(site: Path) -> None:
    lines = traced(site, "plugins", plugins="good")
    assert "plugins: broken: not loaded, MEL_DEBUG_PLUGINS is 'good'" in lines
    assert "plugins: good: loaded, matchers toy" in lines


def test_a_trace_shows_which_name_is_taken(site: Path) -> None:
    install(site, "other", matcher_named("toy"))
    reason = "plugins: other: skipped, the name of its matcher 'toy' is taken"
    assert reason in traced(site, "plugins")


def test_a_trace_without_plugins_has_one_line(tmp_path: Path) -> None:
    """Silence would not show whether the variable has been read."""
    assert "plugins: no third-party plugin is installed" in traced(tmp_path, "plugins")


def test_a_trace_leaves_standard_output_alone(site: Path) -> None:
    outcome = mel_debug("plugins", "--json", site=site, MEL_DEBUG_TRACE_PLUGINS="1")
    assert names(listing(outcome), "good") == {"toy"}


@pytest.mark.parametrize(
    "command", [["plugins"], ["doctor"], ["cache", "info"], ["moles", "PHOTO"]]
)
@pytest.mark.parametrize("way", ["flag", "environment"])
def test_strict_plugins_end_every_command_with_one_line(
    site: Path, tmp_path: Path, command: list[str], way: str
) -> None:
    """Also commands that use no plugin, so that a CI build notices."""
    photo = save(skin(8, 8), tmp_path / "photo.png")
    mark(photo, (MOLE, 1, 2))
    arguments = [str(photo) if part == "PHOTO" else part for part in command]
    if way == "flag":
        outcome = mel_debug("--strict-plugins", *arguments, site=site)
    else:
        outcome = mel_debug(*arguments, site=site, MEL_DEBUG_STRICT_PLUGINS="1")
    assert outcome.code == 1
    assert outcome.error.startswith("Error: plugin 'broken' (mel_broken) is skipped: ")
    assert len(outcome.stderr.splitlines()) == 1


def test_every_plugin_that_is_skipped_is_in_the_line(site: Path) -> None:
    install(site, "other", f"{HEAD}\n@hookimpl\ndef mel_matchers(): return 1 / 0")
    error = mel_debug("--strict-plugins", "plugins", site=site).error
    assert "'broken'" in error
    assert "'other'" in error


@pytest.mark.parametrize("arguments", [["--strict-plugins", "plugins"], ["plugins"]])
def test_sound_plugins_pass_strict_checks(site: Path, arguments: list[str]) -> None:
    for value in ("1", "0"):
        outcome = mel_debug(*arguments, site=site, plugins="good", MEL_DEBUG_STRICT_PLUGINS=value)
        assert outcome.code == 0
        assert outcome.stderr == ""


def test_the_library_heeds_the_environment_too(site: Path) -> None:
    """A build may use Python instead of the command."""
    script = """
from mel_debug.plugins.registry import load_registry
from mel_debug.plugin import PluginError
try:
    load_registry()
except PluginError as error:
    print(error)
"""
    outcome = run_python("-c", script, site=site, MEL_DEBUG_STRICT_PLUGINS="1")
    assert outcome.stdout.startswith("plugin 'broken' ")
    assert outcome.stderr == ""


@pytest.mark.usefixtures("only_builtins")
def test_a_strict_run_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run does not affect the next in the same process."""
    assert run("--strict-plugins", "plugins").code == 0
    monkeypatch.setenv("MEL_DEBUG_STRICT_PLUGINS", "maybe")
    outcome = run("plugins")
    assert outcome.code == 2
    assert "maybe" in outcome.error
