"""Which value an option has: its flag, a variable, a settings file, or the default."""

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from mel_debug.cli.choosing import accurate_config
from mel_debug.cli.stage_options import (
    config_from,
    extractor_options,
    find_options,
    matcher_options,
)
from mel_debug.core.errors import UsageError
from mel_debug.plugins.config import RunConfig, resolve

pytestmark = pytest.mark.usefixtures("only_builtins")


def config_of(*arguments: str, find: bool = False) -> RunConfig:
    """The configuration that a command with these arguments gets."""
    got: list[RunConfig] = []

    def command(**stages: Any) -> None:
        got.append(accurate_config(**stages) if find else config_from(**stages))

    options = find_options if find else lambda each: extractor_options(matcher_options(each))
    made = click.command("any")(options(command))  # type: ignore[no-untyped-call]
    result = CliRunner().invoke(made, arguments)
    if result.exception is not None:
        raise result.exception
    return got[0]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file of the user; the current folder has none."""
    monkeypatch.setenv("MEL_DEBUG_CONFIG_DIR", str(tmp_path))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.delenv("MEL_DEBUG_CACHE", raising=False)
    return tmp_path / "mel-debug.toml"


def test_settings_fill_in_what_no_flag_sets(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write_text('extractor = "xfeat"\npreset = "fast"\ncache = "features"\n')
    for find in (False, True):
        config = config_of(find=find)
        assert (config.extractor, config.preset) == ("xfeat", "fast")
        assert config.cache_dir == settings.parent / "features"
    monkeypatch.setenv("MEL_DEBUG_PRESET", "accurate")
    assert config_of().preset == "accurate"
    assert config_of("--preset", "fast").preset == "fast"
    assert config_of("--cache-dir", "mine").cache_dir == Path("mine")


def test_a_flag_for_another_extractor_leaves_weights_and_runtimes_out_that_do_not_fit(
    settings: Path,
) -> None:
    settings.write_text('extractor = "dinov3-base"\nweights = "w.pth"\nruntime = "openvino"\n')
    config = config_of()
    assert config.weights == settings.parent / "w.pth"
    assert config.runtime == "openvino"
    assert config_of("--extractor", "dinov3-small").runtime == "openvino"
    assert config_of("--dino-size", "small").extractor is None
    for arguments in (("--extractor", "dinov3-small"), ("--dino-size", "small")):
        assert config_of(*arguments).weights is None


@pytest.mark.usefixtures("settings")
def test_find_names_an_extractor_that_needs_no_download() -> None:
    config = config_of(find=True)
    assert config.extractor in ("xfeat", "dinov3-base")
    assert config.preset == "accurate"


@pytest.mark.parametrize("find", [True, False])
@pytest.mark.usefixtures("settings")
def test_weights_alone_are_those_of_the_default_extractor(find: bool, tmp_path: Path) -> None:
    """In commands that choose an extractor as in all others; `auto` has no weights to replace."""
    weights = tmp_path / "w.pth"
    weights.touch()
    config = config_of("--weights", str(weights), find=find)
    assert config.weights == weights
    assert config.extractor is None
    with pytest.raises(UsageError, match="one extractor"):
        resolve(config_of("--weights", str(weights), "--extractor", "auto", find=find))
