"""Laws of broken plugins: each is skipped with one warning, and the others work."""

import json
from pathlib import Path

import pytest

from sites import HEAD, install, listing, matcher_named, mel_debug, names, run_python
from workbench import MOLE, Scene

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An empty folder to install broken plugins in."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


BROKEN = {
    "lacks a dependency": ("import nothing_of_that_name", "ModuleNotFoundError"),
    "fails to import": ("from mel_debug.core.types import Phot", "ImportError"),
    "is no Python": ("def (:", "SyntaxError"),
    "raises at import": ("{}['model']", "KeyError"),
    "exits at import": ("raise SystemExit('not on this machine')", "not on this machine"),
    "raises what is no Exception": ("raise GeneratorExit('gone')", "GeneratorExit: gone"),
    "raises a kind of its own": ("class Odd(BaseException): pass\nraise Odd(1)", "Odd: 1"),
    "raises what can't say what it is": (
        "class Mute(Exception):\n    def __str__(self): return 1 / 0\nraise Mute",
        "Mute",
    ),
    "raises an escape sequence": ("raise ValueError('\\x1b[2J')", "ValueError: \\x1b[2J"),
    "raises in a hook": (
        f"{HEAD}\n@hookimpl\ndef mel_extractors(): return 1 / 0",
        "ZeroDivisionError",
    ),
    "exits in a hook": (f"{HEAD}\n@hookimpl\ndef mel_renderers(): exit(0)", "SystemExit"),
    "misspells a hook": (f"{HEAD}\n@hookimpl\ndef mel_extractor(): return []", "mel_extractor"),
    "asks for too much": (
        f"{HEAD}\n@hookimpl\ndef mel_matchers(device): return []",
        "device",
    ),
    "offers no StageSpec": (
        f"{HEAD}\n@hookimpl\ndef mel_matchers(): return ['toy']",
        "mel_matchers must return StageSpec objects, not 'toy'",
    ),
    "offers no list": (
        f"{HEAD}\n@hookimpl\ndef mel_matchers(): return StageSpec('toy', 'toy', build=print)",
        "StageSpec",
    ),
    "forgets the marker": (
        f"{HEAD}\ndef mel_matchers(): return [StageSpec('toy', 'toy', build=print)]",
        "mel_matchers is not marked with @hookimpl",
    ),
    "gives a function for a command": (
        f"{HEAD}\n@hookimpl\ndef mel_commands(): return [print]",
        "mel_commands must return Click commands",
    ),
    "gives a command without a name": (
        f"{HEAD}\nimport click\n@hookimpl\ndef mel_commands(): return [click.Command(None)]",
        "mel_commands must return Click commands with names",
    ),
    "gives words for options": (
        matcher_named("toy").replace("build=", "options=('bins',), build="),
        "must be Options",
    ),
    "has an option of no type": (
        matcher_named("toy").replace("build=", "options=(Option('a', None, 'x'),), build="),
        "option 'a' needs a default",
    ),
    "takes a built-in command's name": (
        f"{HEAD}\nimport click\n@hookimpl\ndef mel_commands(): return [click.Command('moles')]",
        "command 'moles'",
    ),
    "has a name of two words": (matcher_named("toy matcher"), "toy matcher"),
    "takes a built-in matcher's name": (matcher_named("cosine"), "matcher 'cosine'"),
    "takes a built-in extractor's name": (
        matcher_named("xfeat").replace("mel_matchers", "mel_extractors"),
        "extractor 'xfeat'",
    ),
    "takes a name twice": (matcher_named("toy").replace("[S", "2 * [S"), "matcher 'toy'"),
    "takes a plugin's name": (matcher_named("good-matcher"), "matcher 'good-matcher'"),
    "takes a plugin's command": (
        f"{HEAD}\nimport click\n@hookimpl\n"
        "def mel_commands(): return [click.Command('good-command')]",
        "command 'good-command'",
    ),
}
GOOD = f"""
import click
{matcher_named("good-matcher")}
@hookimpl
def mel_commands(): return [click.Command('good-command')]
"""


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_named_in_one_warning_and_skipped(site: Path, fault: str) -> None:
    """One line with the plugin and the reason; what ships and another plugin go on working."""
    source, reason = BROKEN[fault]
    install(site, "broken", source)
    install(site, "a_good_one", GOOD)
    outcome = mel_debug("plugins", "--json", site=site)
    stages = listing(outcome)
    (warning,) = outcome.stderr.splitlines()
    assert warning.startswith("warning: plugin 'broken' ")
    assert "is skipped: " in warning
    assert reason in warning
    assert names(stages, "broken") == set()
    assert names(stages, "a_good_one") == {"good-matcher"}
    assert {"cosine", "xfeat", "heatmap"} <= names(stages, "mel-debug")


def test_an_entry_point_that_leads_nowhere_is_named_in_one_warning(site: Path) -> None:
    """As after a package was half removed."""
    install(site, "broken", "", value="gone.plugin")
    outcome = mel_debug("plugins", "--json", site=site)
    assert outcome.stderr.startswith("warning: plugin 'broken' (gone.plugin) is skipped: ")
    assert "cosine" in names(listing(outcome), "mel-debug")


def test_a_plugin_with_one_taken_name_brings_nothing(site: Path) -> None:
    """Half a plugin would be a riddle."""
    source = f"{matcher_named('cosine')}\n@hookimpl\n" + (
        "def mel_renderers(): return [StageSpec('toy', 'toy', build=print)]"
    )
    install(site, "broken", source)
    assert names(listing(mel_debug("plugins", "--json", site=site)), "broken") == set()


def test_help_is_shown_beside_a_broken_plugin(site: Path) -> None:
    """Help is needed most when something is broken."""
    install(site, "broken", "raise SystemExit")
    outcome = mel_debug("--help", site=site)
    assert outcome.code == 0
    assert "dino3-map" in outcome.stdout
    assert outcome.stderr.count("warning: ") == 1


def test_what_a_plugin_prints_stays_out_of_the_json(site: Path) -> None:
    """It is written to standard error, like warnings."""
    install(site, "loud", f"print('Welcome!')\n{matcher_named('toy')}")
    outcome = mel_debug("plugins", "--json", site=site)
    assert names(listing(outcome), "loud") == {"toy"}
    assert outcome.stderr == "Welcome!\n"


RUDE = {
    "closes standard output": "import sys; sys.stdout.close()",
    "closes standard error": "import sys; sys.stderr.close()",
    "replaces standard output": "import io, sys; sys.stdout = sys.stderr = io.StringIO()",
    "leaves the folder": "import os; os.chdir('/')",
}


@pytest.mark.slow
@pytest.mark.parametrize("act", RUDE)
@pytest.mark.parametrize("ending", ["", "raise ValueError('rude')"])
def test_what_a_plugin_does_at_import_to_streams_and_folder_is_undone(
    site: Path, tmp_path: Path, act: str, ending: str
) -> None:
    """The rest of the run has both streams, and paths mean what they meant."""
    install(site, "rude", f"{RUDE[act]}\n{ending}\n{matcher_named('toy')}")
    code = (
        "import json, os, sys; from mel_debug.cli.main import main; os.chdir(sys.argv[1])\n"
        "try: main(['plugins', '--json'])\n"
        "finally: sys.stderr.write(f'{os.getcwd()}\\n')"
    )
    outcome = run_python("-c", code, str(tmp_path), site=site)
    assert names(listing(outcome), "rude") == (set() if ending else {"toy"})
    *warnings, folder = outcome.stderr.splitlines()
    assert folder == str(tmp_path)
    assert ["ValueError: rude" in warning for warning in warnings] == ([True] if ending else [])


def test_a_command_that_uses_no_plugin_asks_none(site: Path, tmp_path: Path) -> None:
    """Neither its time nor its warnings."""
    install(site, "broken", "raise SystemExit")
    photo = tmp_path / "photo.jpg"
    photo.touch()
    (tmp_path / "photo.jpg.json").write_text(json.dumps([{"uuid": MOLE, "x": 1, "y": 2}]))
    outcome = mel_debug("moles", str(photo), site=site)
    assert outcome.code == 0
    assert outcome.stderr == ""


def test_a_stage_that_cannot_be_built_ends_in_one_line(site: Path, scene: Scene) -> None:
    """It was offered in good faith, so it is no warning but the error of the run that uses it."""
    source = matcher_named("toy").replace("build=print", "build=lambda options: options['absent']")
    install(site, "late", source.replace("mel_matchers", "mel_extractors"))
    assert mel_debug("plugins", site=site).stderr == ""
    assert "absent" in mel_debug(*scene.arguments("--extractor", "toy"), site=site).error
