"""Laws of finding entry points: the same result as `importlib.metadata`."""

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import mel_debug
from mel_debug.plugins.entry_points import GROUP, third_party

ENTRY = "toy = mel_toy"


def _folder(place: Path, text: str, kind: str) -> Path:
    info = place / f"mel_toy-0.1.{kind}"
    info.mkdir(parents=True)
    (info / ("PKG-INFO" if kind == "egg-info" else "METADATA")).write_text("Name: mel-toy\n")
    (info / "entry_points.txt").write_text(text)
    return place


def _archive(place: Path, text: str, name: str) -> Path:
    place.mkdir()
    with zipfile.ZipFile(place / name, "w") as archive:
        info = "EGG-INFO" if name.endswith(".egg") else "mel_toy-0.1.dist-info"
        archive.writestr(f"{info}/METADATA", "Name: mel-toy\n")
        archive.writestr(f"{info}/PKG-INFO", "Name: mel-toy\n")
        archive.writestr(f"{info}/entry_points.txt", text)
    return place / name


@pytest.mark.parametrize("text", [f"[{GROUP}]\n{ENTRY}\n", f"[others]\n{ENTRY}\n", ""])
@pytest.mark.parametrize("kind", ["dist-info", "egg-info", "mel_toy.zip", "mel_toy-0.1-py3.egg"])
def test_it_finds_what_python_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str
) -> None:
    make = _folder if kind.endswith("-info") else _archive
    monkeypatch.delenv("MEL_DEBUG_PLUGINS", raising=False)
    before = list(third_party())
    monkeypatch.syspath_prepend(make(tmp_path / "site", text, kind))
    found = third_party()
    assert sorted(found) == sorted(entry_points(group=GROUP))
    assert len(found) == len(before) + (GROUP in text)


def test_custom_import_finders_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    class Finder:
        """Installed packages from somewhere that is no folder."""

        asked = False

        def find_spec(self, *_: object) -> None:
            return None

        def find_distributions(self, *_: object) -> list[object]:
            self.asked = True
            return []

    finder = Finder()
    monkeypatch.delenv("MEL_DEBUG_PLUGINS", raising=False)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    third_party()
    assert finder.asked


@pytest.mark.slow
def test_without_plugins_nothing_that_reads_metadata_is_imported(tmp_path: Path) -> None:
    """It takes as long as Click, and most people have no plugin."""
    package = Path(str(mel_debug.__file__)).parent
    shutil.copytree(package, tmp_path / "mel_debug", ignore=shutil.ignore_patterns("__pycache__"))
    script = (
        "import sys; from mel_debug.plugins.entry_points import third_party;"
        "print(list(third_party()), 'importlib.metadata' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],  # -S: nothing is installed but this
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[0] == "[] False"
