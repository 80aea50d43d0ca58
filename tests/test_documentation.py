"""Every example of README.md, CONTRIBUTING.md and docs/ works, on one shared run of the demo."""

import os
import re
import shutil
from pathlib import Path

import pytest

from extras import needs_xfeat
from mel_debug.files.user_dirs import CACHE, GRAPHS
from mel_debug.plugins.registry import load_registry
from page_examples import Shell, agrees, commands_of, examples_of, shell_environment

PROJECT = Path(__file__).parent.parent
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted(PROJECT.glob("docs/*.md"))]
DEMO = "mel-debug demo demo"
PLUGINS = "centred,freckle"
"""The plugins that pages write and install; no other of this machine plays a part."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A folder in which the first command of the README ran, and what it printed."""
    folder = tmp_path_factory.mktemp("documentation")
    environment = {**shell_environment(folder), CACHE: str(folder / "cache")}
    shell = Shell(folder, {**environment, "MEL_DEBUG_PLUGINS": ""})
    shell.known[DEMO] = shell.run(DEMO)
    assert shell.known[DEMO].code == 0, shell.known[DEMO].printed
    return shell


@pytest.mark.slow
@needs_xfeat
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_example_of_a_page_works(
    page: Path, demo: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, in a folder with the demo's files, sharing one namespace."""
    shutil.copytree(demo.folder / "demo", tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(CACHE, demo.environment[CACHE])
    monkeypatch.delenv(GRAPHS)  # pages show and clear what is beside their own cache
    monkeypatch.setenv("MEL_DEBUG_PLUGINS", PLUGINS)
    load_registry.cache_clear()
    shell = Shell(tmp_path, shell_environment(tmp_path), dict(demo.known))
    document = examples_of(page, shell)
    for example in document.examples():
        example.evaluate()
    load_registry.cache_clear()


def test_the_readme_is_short() -> None:
    """Details belong into docs/."""
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    """Sphinx checks the pages that it builds, but not README.md and CONTRIBUTING.md."""
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("found at (100, 20)", "found at (101, 22)", True),
        ("found at (100, 20)", "found at (150, 20)", False),
        ("confidence 0.97", "confidence 0.52", False),
        ("found at (100, 20)", "lost at (100, 20)", False),
        ("a 0.97\n...\nz", "a 0.95\nb\nc\nz", True),
        ("a\n...\nz", "a\nb", False),
        ("1 photo", "1 photo, 2 moles", False),
    ],
)
def test_output_agrees_if_words_are_equal_and_numbers_near(
    expected: str, printed: str, same: bool
) -> None:
    """Or examples would pass whatever is printed, or fail on another processor."""
    assert agrees(expected, printed) is same


def test_a_console_block_holds_commands_and_what_they_print() -> None:
    """A backslash carries a command on to the next line."""
    block = "$ first one \\\n    more\nout 1\nout 2\n$ second\n"
    assert [*commands_of(block)] == [("first one more", ["out 1", "out 2"]), ("second", [])]


def test_a_shell_runs_in_its_folder(tmp_path: Path) -> None:
    """And gives what a failed command says."""
    shell = Shell(tmp_path, dict(os.environ))
    assert Path(shell.run("pwd").printed.strip()).resolve() == tmp_path.resolve()
    failed = shell.run("no-such-command")
    assert failed.code != 0
    assert "no-such-command" in failed.printed
