"""Laws of standard output and error: odd names, old encodings, full disks, closed pipes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mel_debug.files.marks import marks_path
from sites import install, mel_debug
from workbench import Scene, mark, run, save, settings, skin

pytestmark = pytest.mark.usefixtures("only_builtins")

ODD = ["new\nline.jpg", "\x1b[31mred.jpg", "\u202egpj.exe.jpg", os.fsdecode(b"\xff\xfe.jpg")]

ASCII = {
    "C": {"LC_ALL": "C"},
    "plain C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
}


def process(
    *arguments: str | bytes, shell: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process; with a shell's redirections, such as `> /dev/full`."""
    clean = {name: value for name, value in os.environ.items() if name not in settings()}
    clean = {**clean, "MEL_DEBUG_PLUGINS": "", **(env or {})}
    command: list[str | bytes] = [sys.executable, "-m", "mel_debug", *arguments]
    if shell:
        command = ["bash", "-c", f'set -o pipefail; "$0" "$@" {shell}', *command]
    return subprocess.run(command, env=clean, capture_output=True, check=False, timeout=120)


def oddly_named(folder: Path, name: str) -> Path:
    """A photo with a mark of an odd uuid."""
    try:
        photo = save(skin(32, 24), folder / "x.png").rename(folder / name)
    except OSError:
        pytest.skip("this file system has no such names")
    mark(photo, ("\x1b]0;title\x07\n\ud800\x00", 1, 2))
    return photo


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_names_and_uuids_are_shown_on_one_line_without_control_characters(
    tmp_path: Path, name: str
) -> None:
    """In tables, and in messages on what is wrong."""
    photo = oddly_named(tmp_path, name)
    outcome = run("moles", str(photo))
    assert outcome.code == 0, outcome.stderr
    (line,) = outcome.stdout.splitlines()
    assert line.isprintable()
    assert "\\x1b]0;title\\x07\\x0a\\ud800\\x00" in line
    marks_path(photo).write_text("[")
    for command in (["moles", str(photo)], ["moles", f"{photo}.gone"]):
        failed = run(*command)
        (line,) = failed.stderr.splitlines()
        assert line.isprintable()
        assert ".jpg" in line


@pytest.mark.slow
@pytest.mark.parametrize("locale", ASCII)
@pytest.mark.parametrize("name", ["grün.jpg", *ODD], ids=ascii)
def test_no_encoding_keeps_a_name_from_being_shown(tmp_path: Path, name: str, locale: str) -> None:
    """A script reads every name back from the JSON."""
    photo = oddly_named(tmp_path, name)
    done = process("moles", os.fsencode(photo), env=ASCII[locale])
    assert done.returncode == 0, done.stderr
    done = process("moles", "--json", os.fsencode(photo), env=ASCII[locale])
    assert done.stdout.isascii()
    (row,) = json.loads(done.stdout)
    if locale != "plain C":  # there Python itself takes every byte over 127 for undecodable
        assert os.fsencode(row["photo"]) == os.fsencode(photo)
    assert row["uuid"] == "\x1b]0;title\x07\n\ud800\x00"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("arguments", [("plugins",), ("plugins", "--json"), ("--help",)])
def test_a_full_disk_under_standard_output_is_one_line(arguments: tuple[str, ...]) -> None:
    done = process(*arguments, shell="> /dev/full")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "Error: standard output can't be written (No space left on device)"
    ]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_under_both_streams_is_an_exit_code(tmp_path: Path) -> None:
    """There is nowhere left to say why."""
    assert process("plugins", shell="> /dev/full 2> /dev/full").returncode == 1
    assert process("moles", str(tmp_path / "gone"), shell="2> /dev/full").returncode == 2


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path: Path) -> None:
    """With more output than a pipe holds."""
    photo = save(skin(32, 24), tmp_path / "x.png")
    mark(photo, *((f"{number:032x}", 1, 2) for number in range(20_000)))
    done = process("moles", str(photo), shell="| head -n 1")
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b""


@pytest.mark.slow
def test_closed_streams_are_no_error() -> None:
    assert process("plugins", shell=">&- 2>&-").returncode == 0


@pytest.mark.slow
def test_a_plugin_that_closes_standard_output_is_one_line(tmp_path: Path, scene: Scene) -> None:
    """What is printed afterwards can't be."""
    source = """
import sys
from mel_debug.plugin import StageSpec, hookimpl

class Closing:
    patch = 8
    mean_colour = (0, 0, 0)

    def extract(self, images):
        sys.stdout.close()
        raise OSError("broken")

@hookimpl
def mel_extractors():
    return [StageSpec("closing", "toy", lambda _: Closing(), patch=8, image_size=64)]
"""
    install(tmp_path, "acme", source)
    outcome = mel_debug(*scene.arguments("--extractor", "closing"), site=tmp_path)
    assert outcome.code == 1
    assert "Error: plugin 'acme', extractor 'closing' failed with OSError: broken" in outcome.stderr
    assert "Traceback" not in outcome.stderr
