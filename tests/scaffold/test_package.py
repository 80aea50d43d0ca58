"""A new package overwrites nothing, is written whole or not at all, and has names that work."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.errors import MelError, UsageError
from mel_debug.scaffold.names import names_for
from mel_debug.scaffold.package import contents, write_plugin
from workbench import run

PROJECT = Path(__file__).parents[2]
FILES = {
    "README.md",
    "pyproject.toml",
    "src/mel_debug_freckle/__init__.py",
    "src/mel_debug_freckle/extractor.py",
    "src/mel_debug_freckle/matcher.py",
    "src/mel_debug_freckle/plugin.py",
    "src/mel_debug_freckle/py.typed",
    "src/mel_debug_freckle/renderer.py",
    "tests/test_plugin.py",
}


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_package_is_complete(tmp_path: Path) -> None:
    folder, files = write_plugin("mel-debug-freckle", tmp_path / "new")
    assert files_of(folder) == FILES
    assert {path.relative_to(folder).as_posix() for path in files} == FILES


def test_the_folder_is_by_default_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = run("new-plugin", "mel-debug-freckle")
    assert outcome.code == 0
    assert files_of(tmp_path / "mel-debug-freckle") == FILES
    assert "pip install -e 'mel-debug-freckle[test]'" in outcome.stdout


def test_missing_folders_above_are_made(tmp_path: Path) -> None:
    assert run("new-plugin", "mel-debug-freckle", str(tmp_path / "a" / "b")).code == 0
    assert files_of(tmp_path / "a" / "b") == FILES


def test_an_empty_folder_under_version_control_is_used(tmp_path: Path) -> None:
    """Many start with `git init`, or a clone of an empty repository."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    write_plugin("mel-debug-freckle", tmp_path)
    assert files_of(tmp_path) == FILES | {".git/HEAD"}


@pytest.mark.parametrize("there", ["README.md", "notes.txt", ".hidden", "src/deep/file"])
def test_a_folder_with_files_is_left_as_it_is(tmp_path: Path, there: str) -> None:
    """One line says what is in the way."""
    path = tmp_path / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    outcome = run("new-plugin", "mel-debug-freckle", str(tmp_path))
    assert outcome.code == 2
    assert Path(there).parts[0] in outcome.error
    assert files_of(tmp_path) == {there}
    assert path.read_text() == "mine"


def test_a_file_in_place_of_the_folder_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    assert run("new-plugin", "mel-debug-freckle", str(path)).code == 2
    with pytest.raises(UsageError, match="file"):
        write_plugin("mel-debug-freckle", path)
    assert path.read_text() == "mine"


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """The package may hold a day's work by then."""
    folder, _ = write_plugin("mel-debug-freckle", tmp_path / "new")
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        write_plugin("mel-debug-freckle", folder)
    assert (folder / "README.md").read_text() == "mine"


def test_nothing_remains_of_a_package_that_cannot_be_written(tmp_path: Path) -> None:
    """Here a name is too long for the file system; the folders above it are removed too."""
    with pytest.raises(MelError, match="cannot be written"):
        write_plugin(f"mel-debug-{'x' * 300}", tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        outcome = run("new-plugin", "mel-debug-freckle", str(tmp_path / "new"))
    finally:
        tmp_path.chmod(0o700)
    assert outcome.code == 1
    assert "cannot be written" in outcome.error


BAD_NAMES = {
    "": "not a valid name",
    "two words": "not a valid name",
    "a/b": "not a valid name",
    "../up": "not a valid name",
    "-dash": "not a valid name",
    "dash-": "not a valid name",
    "möle": "not a valid name",
    "line\nfeed": "not a valid name",
    "3d": "mel-debug-3d",
    "class": "mel-debug-class",
    "JSON": "hide one of Python's own; try mel-debug-json",
    "numpy": "installed already",
    "mel-debug": "installed already",
    "Mel.Debug": "installed already",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_would_not_work_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is written, with a reason or a name to try."""
    outcome = run("new-plugin", "--", name, str(tmp_path / "new"))
    assert outcome.code == 2
    assert BAD_NAMES[name] in outcome.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "module", "plugin"),
    [
        ("mel-debug-freckle", "mel_debug_freckle", "freckle"),
        ("Freckle", "freckle", "freckle"),
        ("My.Moles_v2", "my_moles_v2", "my-moles-v2"),
        ("mel_debug__spot", "mel_debug_spot", "spot"),
    ],
)
def test_module_and_plugin_follow_from_the_name(name: str, module: str, plugin: str) -> None:
    names = names_for(name)
    assert (names.distribution, names.module, names.plugin) == (name, module, plugin)


@pytest.mark.slow
@given(st.from_regex(r"mel-debug-[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True))
def test_every_name_gives_files_that_python_and_pip_can_read(name: str) -> None:
    """No file keeps a place of the template, and all that is Python parses."""
    names = names_for(name)
    written = {path.as_posix(): text for path, text in contents(names)}
    for path, text in written.items():
        assert not re.search(r"\$[a-z{]", text), path
        if path.endswith(".py"):
            ast.parse(text)
    project = tomllib.loads(written["pyproject.toml"])["project"]
    assert project["name"] == name
    assert project["entry-points"]["mel_debug"] == {names.plugin: f"{names.module}.plugin"}
    assert names.module.isidentifier()
    assert f"src/{names.module}/plugin.py" in written


@pytest.mark.slow
def test_the_template_ships_in_the_wheel(tmp_path: Path) -> None:
    """Every file of it, also those that hold no Python."""
    pytest.importorskip("hatchling")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path), str(PROJECT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if "/scaffold/template/" in name}
    source = PROJECT / "src"
    template = source / "mel_debug" / "scaffold" / "template"
    assert shipped == {f.relative_to(source).as_posix() for f in template.rglob("*.tmpl")}
    assert len(shipped) == len(FILES)
