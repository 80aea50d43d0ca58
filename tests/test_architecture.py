"""Imports go down the house only: the contracts of pyproject.toml hold, and fail otherwise."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mel_debug.plugins.registry import load_registry
from workbench import run_python

PROJECT = Path(__file__).parent.parent
SOURCE = PROJECT / "src" / "mel_debug"

WICKED = {
    "core/geometry.py": "mel_debug.core.types",
    "core/types.py": "mel_debug.core.stages",
    "core/stages.py": "mel_debug.plugins.registry",
    "plugin.py": "mel_debug.plugins.loading",
    "files/photos.py": "mel_debug.matching.locate",
    "confidence/evidence.py": "mel_debug.matching.features",
    "builtin/renderers/pair.py": "mel_debug.matching.features",
    "builtin/matchers/similarity.py": "torch",
    "plugins/registry.py": "mel_debug.cli.main",
    "plugins/config.py": "click",
    "automark/decide.py": "mel_debug.evaluation.metrics",
    "testing/laws.py": "pytest",
}
"""Imports that some contract forbids, by the file that would be tempted."""


def lint_imports(project: Path) -> subprocess.CompletedProcess[str]:
    """Judge the sources of a project by its own contracts."""
    pytest.importorskip("importlinter")
    run = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", run],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_every_contract_is_kept() -> None:
    """The same run as `tox -e architecture`."""
    done = lint_imports(PROJECT)
    assert done.returncode == 0, done.stdout
    assert " 0 broken." in done.stdout


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy of the sources with all the wicked imports in it."""
    project = tmp_path_factory.mktemp("wicked")
    shutil.copy(PROJECT / "pyproject.toml", project)
    shutil.copytree(SOURCE, project / "src" / "mel_debug")
    for name, imported in WICKED.items():
        file = project / "src" / "mel_debug" / name
        file.write_text(f"{file.read_text()}\n\ndef tempted() -> None:\n    import {imported}\n")
    done = lint_imports(project)
    assert done.returncode == 1
    return " ".join(done.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize("name", WICKED)
def test_an_import_that_goes_up_is_found(verdict: str, name: str) -> None:
    """Also inside a function, where no import fails at start."""
    importer = f"mel_debug.{name.removesuffix('.py').replace('/', '.')}"
    assert f"{importer} -> {WICKED[name]} (l." in verdict


def _private_imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (
                f"{file.relative_to(SOURCE)}:{node.lineno} {alias.name}"
                for alias in node.names
                if alias.name.startswith("_") and not alias.name.startswith("__")
            )


@pytest.mark.slow
def test_no_module_imports_what_another_calls_private() -> None:
    """A name with an underscore is its own file's."""
    files = [*SOURCE.rglob("*.py")]
    assert files
    assert [found for file in files for found in _private_imports(file)] == []


@pytest.mark.slow
def test_asking_what_is_on_offer_imports_nothing_heavy() -> None:
    """Hooks are asked by every run that lists or chooses a stage."""
    ask = (
        "import sys; from mel_debug.plugins.registry import load_registry; load_registry(); "
        "print(*sorted({'PIL', 'kornia', 'numpy', 'skimage', 'timm', 'torch'} "
        "& set(sys.modules)))"
    )
    outcome = run_python("-c", ask)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.strip() == ""


BELOW_THE_COMMAND_LINE = [
    file
    for file in SOURCE.rglob("*.py")
    if file.relative_to(SOURCE).parts[0] not in ("cli", "console", "scaffold")
    and file.relative_to(SOURCE).as_posix() != "synth/command.py"
]


def _texts(file: Path) -> Iterator[tuple[int, str]]:
    """The string constants of a module, with their lines."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@pytest.mark.slow
def test_below_the_command_line_no_text_names_a_flag() -> None:
    """Errors name settings, such as `image_size`, and the command line shows them as flags."""
    flag = re.compile(r"(?<![\w-])--[a-z]")
    assert [
        f"{file.relative_to(SOURCE)}:{line}"
        for file in BELOW_THE_COMMAND_LINE
        for line, text in _texts(file)
        if flag.search(text)
    ] == []


@pytest.mark.slow
def test_only_builtin_knows_the_names_of_what_ships() -> None:
    """The rest of the program uses the names that `builtin/defaults.py` declares."""
    registry = load_registry()
    names = {*registry.presets, *(name for stage in registry.stages.values() for name in stage)}
    assert {"cosine", "xfeat", "heatmap", "fast"} <= names
    assert [
        f"{file.relative_to(SOURCE)}:{line} {text}"
        for file in SOURCE.rglob("*.py")
        if file.relative_to(SOURCE).parts[0] not in ("builtin", "scaffold")
        for line, text in _texts(file)
        if text in names
    ] == []
