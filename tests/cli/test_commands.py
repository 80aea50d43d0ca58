"""Laws of the command as a whole: help, version, `moles` and `plugins`."""

import json
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from mel_debug.cli.main import COMMANDS, main
from mel_debug.files.marks import marks_path
from workbench import MOLE, OTHER_MOLE, mark, run, run_and_see_imports, run_python, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)]
)
def test_help_imports_neither_torch_nor_timm_nor_numpy(
    tmp_path: Path, arguments: list[str]
) -> None:
    """Help comes at once, in a process of its own."""
    outcome, loaded = run_and_see_imports(tmp_path / "note", *arguments)
    assert outcome.code == 0
    assert outcome.stdout.startswith("Usage: mel-debug ")
    assert outcome.stderr == ""
    assert loaded == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["--no-such-option"],
        ["dino3-map"],
        ["dino3-map", "out.jpg"],
        ["moles"],
        ["moles", "nowhere.jpg"],
        ["plugins", "too", "many"],
    ],
)
def test_misuse_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str]) -> None:
    """And imports nothing heavy to say so."""
    outcome, loaded = run_and_see_imports(tmp_path / "note", *arguments)
    assert outcome.code == 2
    assert outcome.error.startswith("Error: ")
    assert loaded == set()


def test_without_arguments_a_person_gets_help_to_read() -> None:
    """Lines as `--help` has them, not one long line."""
    outcome = run()
    assert "Error:" not in outcome.stderr
    assert run("--help").stdout.strip() in (outcome.stdout + outcome.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_listed_and_has_help_of_its_own(name: str) -> None:
    """The list says the same of it as its own help."""
    assert f"  {name} " in run("--help").stdout
    assert f"Usage: mel-debug {name} " in run(name, "--help").stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_set_in_the_environment_by_its_own_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MEL_DEBUG_<COMMAND>_<OPTION>, where OPTION is what the command line calls it."""
    above = click.Context(main, info_name="mel-debug", **main.context_settings)
    command = main.get_command(above, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=above)
    for option in command.params:
        for text in [text for text in option.opts if text.startswith("--")]:
            variable = f"MEL_DEBUG_{name}_{text[2:]}".replace("-", "_").upper()
            monkeypatch.setenv(variable, "1")
            assert option.resolve_envvar_value(context) == "1", variable


@pytest.mark.slow
def test_the_version_is_the_packages_own() -> None:
    """`python -m mel_debug` is `mel-debug`."""
    outcome = run_python("-m", "mel_debug", "--version")
    assert outcome.code == 0
    assert outcome.stdout == f"mel-debug, version {version('mel-debug')}\n"


def two_photos(folder: Path) -> tuple[Path, Path]:
    """One photo that marks two moles and one that marks one of them."""
    first, second = (save(skin(32, 24), folder / f"{name}.jpg") for name in ("first", "second"))
    mark(first, (MOLE, 3, 4), (OTHER_MOLE, 31, 0))
    marks_path(second).write_text(
        json.dumps([{"uuid": MOLE, "x": 7, "y": 8, "is_uuid_canonical": False}])
    )
    return first, second


def test_moles_lists_the_marks_of_all_photos(tmp_path: Path) -> None:
    """In whole pixels, as the file has them."""
    first, second = two_photos(tmp_path)
    outcome = run("moles", str(first), str(second), "--json")
    assert outcome.code == 0
    assert json.loads(outcome.stdout) == [
        {"photo": str(first), "uuid": MOLE, "x": 3, "y": 4, "is_uuid_canonical": True},
        {"photo": str(first), "uuid": OTHER_MOLE, "x": 31, "y": 0, "is_uuid_canonical": True},
        {"photo": str(second), "uuid": MOLE, "x": 7, "y": 8, "is_uuid_canonical": False},
    ]
    lines = run("moles", str(first), str(second)).stdout.splitlines()
    assert [line.split() for line in lines] == [
        [MOLE, "3", "4", "canonical", str(first)],
        [OTHER_MOLE, "31", "0", "canonical", str(first)],
        [MOLE, "7", "8", "guessed", str(second)],
    ]


def test_moles_of_a_photo_and_of_its_link_are_listed_once(tmp_path: Path) -> None:
    """They are one photo, with the marks beside the real file."""
    photo, link = tmp_path / "photo.jpg", tmp_path / "link.jpg"
    photo.touch()
    link.symlink_to(photo)
    mark(photo, (MOLE, 1, 2))
    outcome = run("moles", "--json", str(link), str(photo))
    assert [row["photo"] for row in json.loads(outcome.stdout)] == [str(link)]


def test_moles_prints_a_uuid_that_is_no_text(tmp_path: Path) -> None:
    """What no terminal could print, or would obey, is escaped."""
    photo = tmp_path / "photo.jpg"
    photo.touch()
    marks_path(photo).write_text('[{"uuid": "\\ud800\\u0000\\u001b[31m", "x": 1, "y": 2}]')
    outcome = run("moles", str(photo))
    assert outcome.code == 0
    assert outcome.stdout.startswith("\\ud800\\x00\\x1b[31m ")


def test_moles_of_a_photo_that_can_not_be_read_do_not_hide_those_of_the_others(
    tmp_path: Path,
) -> None:
    """It is named, and the exit code is 1; alone it is the error itself."""
    first, second = two_photos(tmp_path)
    Path(f"{first}.json").write_text("[{")
    outcome = run("moles", str(first), str(second), "--json")
    assert outcome.code == 1
    assert {row["photo"] for row in json.loads(outcome.stdout)} == {str(second)}
    assert str(first) in outcome.stderr
    assert "1 of 2 photos could not be used" in outcome.stderr.splitlines()[-1]
    assert str(first) in run("moles", str(first)).error


def test_moles_of_an_empty_list_is_an_empty_list(tmp_path: Path) -> None:
    """No mole is no error."""
    photo = save(skin(8, 8), tmp_path / "bare.jpg")
    mark(photo)
    assert run("moles", str(photo), "--json").stdout == "[]\n"
    outcome = run("moles", str(photo))
    assert (outcome.code, outcome.stdout) == (0, "")
    assert "no moles" in outcome.stderr


def test_moles_of_a_photo_without_marks_is_one_line(tmp_path: Path) -> None:
    """The moles file that is missing is named; a broken one is, too."""
    photo = save(skin(8, 8), tmp_path / "bare.jpg")
    outcome = run("moles", str(photo))
    assert outcome.code == 2
    assert "bare.jpg.json does not exist" in outcome.error
    marks_path(photo).write_text("{}")
    outcome = run("moles", str(photo))
    assert outcome.code == 1
    assert "bare.jpg.json must contain a list" in outcome.error


LISTED = {
    "extractors": {"options", "family", "preset", "runtimes", "precisions"},
    "matchers": {"options"},
    "renderers": {"options"},
    "resolvers": {"options", "examples"},
    "presets": {"matcher", "options"},
}
"""What `plugins --json` has of each kind, besides name, plugin, version and summary."""


def test_plugins_lists_every_stage_and_preset_with_its_plugin_and_version() -> None:
    """Names, as --extractor, --matcher, --renderer and --preset take them."""
    outcome = run("plugins", "--json")
    assert outcome.code == 0
    listed = json.loads(outcome.stdout)
    names = {kind: [item["name"] for item in items] for kind, items in listed.items()}
    sizes = ["small", "base", "large", "huge", "7b"]
    assert names["extractors"] == [*(f"dinov3-{size}" for size in sizes), "xfeat"]
    assert names["matchers"][:3] == ["cosine", "dot", "euclidean"]
    assert names["renderers"][:2] == ["heatmap", "pair"]
    assert names["presets"] == ["fast", "accurate"]
    assert list(listed) == list(LISTED)
    for kind, more in LISTED.items():
        for item in listed[kind]:
            assert set(item) == {"name", "plugin", "version", "summary"} | more
            assert (item["plugin"], item["version"]) == ("mel-debug", version("mel-debug"))


def test_plugins_lists_the_same_for_a_person() -> None:
    """Every name, summary and option."""
    text = run("plugins").stdout
    for kind, items in json.loads(run("plugins", "--json").stdout).items():
        for item in items:
            assert f"  {item['name']} " in text
            assert item["summary"] in text
            for option in item["options"]:
                name = option if kind == "presets" else option["name"]
                assert f"-o {name} " in text


@pytest.mark.slow
def test_listing_plugins_builds_nothing(tmp_path: Path) -> None:
    """An offer is cheap: no model, no torch."""
    outcome, loaded = run_and_see_imports(tmp_path / "note", "plugins")
    assert outcome.code == 0
    assert loaded == set()
