"""Settings files and variables: which value goes first, and what is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mel_debug.core.errors import UsageError
from mel_debug.plugins.settings_file import NAMES, Setting, load_settings, variable
from workbench import run

pytestmark = pytest.mark.usefixtures("only_builtins")

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the settings file of the `user` or of the `repository`; returns its path."""
    folders = {"user": tmp_path / "config", "repository": tmp_path / "photos"}
    (folders["repository"] / "rotomaps" / "parts").mkdir(parents=True)
    folders["user"].mkdir()
    (folders["repository"] / "melroot").touch()
    monkeypatch.setenv("MEL_DEBUG_CONFIG_DIR", str(folders["user"]))
    monkeypatch.chdir(folders["repository"] / "rotomaps")
    for name in NAMES:
        monkeypatch.delenv(variable(name), raising=False)

    def written(which: str, text: str) -> Path:
        path = folders[which] / "mel-debug.toml"
        path.write_text(text)
        return path

    return written


def test_the_environment_goes_before_the_repository_and_that_before_the_user(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings() == {}
    user = write("user", 'extractor = "a"\npreset = "b"\nruntime = "torch"\n')
    repository = write("repository", 'extractor = "c"\npreset = "d"\n')
    monkeypatch.setenv("MEL_DEBUG_EXTRACTOR", "e")
    assert load_settings() == {
        "extractor": Setting("e", "MEL_DEBUG_EXTRACTOR"),
        "preset": Setting("d", str(repository)),
        "runtime": Setting("torch", str(user)),
    }


def test_paths_are_relative_to_their_file(write: Write) -> None:
    user = write("user", 'cache = "features"\nweights = "~/dino.pth"\n')
    settings = load_settings()
    assert settings["cache"].value == str(user.parent / "features")
    assert settings["weights"].value == os.path.expanduser("~/dino.pth")  # noqa: PTH111


def test_weights_belong_to_the_extractor_of_their_file(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("user", 'extractor = "dinov3-base"\nweights = "w.pth"\n')
    assert "weights" in load_settings()
    write("repository", 'extractor = "xfeat"\n')
    assert "weights" not in load_settings()
    monkeypatch.setenv("MEL_DEBUG_EXTRACTOR", "dinov3-base")
    assert "weights" in load_settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extracter = "xfeat"', "unknown setting 'extracter'; did you mean extractor?"),
        ('colour = "red"', "unknown setting 'colour'; the settings are: extractor, preset"),
        ("extractor = 3", "extractor must be a text in quotes, not 3"),
        ('runtime = "tensorflow"', "no runtime 'tensorflow'; try one of: auto, torch, openvino"),
        ("extractor", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(write: Write, text: str, message: str) -> None:
    path = write("user", text)
    with pytest.raises(UsageError, match="mel-debug") as error:
        load_settings()
    assert str(path) in str(error.value)
    assert message in str(error.value)
    outcome = run("cache", "info")
    assert outcome.code == 2
    assert message in outcome.error


def test_a_flag_goes_before_all_settings(write: Write, tmp_path: Path) -> None:
    write("repository", f'cache = "{tmp_path}/mine"\n')
    assert str(tmp_path / "mine") in run("cache", "info").stdout
    assert (
        str(tmp_path / "other")
        in run("cache", "info", "--cache-dir", str(tmp_path / "other")).stdout
    )


@pytest.mark.slow
def test_the_doctor_names_the_origin_of_each_setting(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("repository", 'extractor = "xfeat"\n')
    monkeypatch.setenv("MEL_DEBUG_PRESET", "fast")
    settings = run("doctor", "--json").report["settings"]
    assert settings["extractor"] == f"xfeat ({path})".replace(os.path.expanduser("~"), "~")  # noqa: PTH111
    assert settings["preset"] == "fast (MEL_DEBUG_PRESET)"
    assert settings["runtime"] == "default"
    path.write_text("extractor")  # a fault is part of the report
    assert "not valid TOML" in run("doctor", "--json").report["settings"]["fault"]
