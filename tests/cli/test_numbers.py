"""Laws of numbers on the command line: every one is finite, whichever way it is given."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.automark.decision import Rules
from mel_debug.cache.location import LARGEST, SIZE, parse_size
from mel_debug.cli.changes import in_pixels
from mel_debug.cli.main import COMMANDS
from mel_debug.confidence.calibrations import ANY, shipped
from mel_debug.confidence.judge import Judge, judge_for
from mel_debug.confidence.model import Calibration
from mel_debug.console.numbers import FiniteRange, Length
from mel_debug.core.errors import UsageError
from mel_debug.core.option import Option
from mel_debug.evaluation.quality_gate import AT_LEAST, AT_MOST, Requirement
from mel_debug.plugins.registry import load_registry
from workbench import MOLE, mark, run, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")

NOT_FINITE = ("nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e999", " nan ")


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that ships, with those inside of a group."""
    for name, module in COMMANDS.items():
        command: click.Command = import_module(module).command
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())


def numeric_types() -> "dict[str, click.ParamType[Any, Any]]":
    """The type of every numeric value that some command takes."""
    found: dict[str, click.ParamType[Any, Any]] = {}
    for name, command in all_commands():
        for param in command.params:
            types = param.type.types if isinstance(param.type, click.Tuple) else [param.type]
            for number, kind in enumerate(types):
                if isinstance(kind, type(click.FLOAT) | type(click.INT)):
                    found[f"{name} {param.name} {number}"] = kind
    return found


def test_every_option_that_takes_a_fraction_takes_finite_ones_only() -> None:
    """A new option can't forget it."""
    kinds = numeric_types()
    floats = {name for name, kind in kinds.items() if isinstance(kind, type(click.FLOAT))}
    assert {"automark3 min_confidence 0", "compare-marks error_distance 0"} <= floats
    assert [name for name in floats if not isinstance(kinds[name], FiniteRange)] == []


@pytest.mark.parametrize("text", NOT_FINITE)
def test_no_numeric_option_of_any_command_takes_what_is_not_finite(text: str) -> None:
    for kind in numeric_types().values():
        with pytest.raises(click.BadParameter):
            kind.convert(text, None, None)


@given(st.floats(0, 1))
def test_every_number_of_a_range_is_taken_as_it_is(number: float) -> None:
    assert FiniteRange(0, 1).convert(repr(number), None, None) == number


@pytest.mark.parametrize("option", ["--min-confidence", "--consistency-distance"])
@pytest.mark.parametrize("text", ["nan", "inf"])
@pytest.mark.parametrize("where", ["option", "environment"])
def test_a_run_refuses_it_before_anything_is_read(
    tmp_path: Path, option: str, text: str, where: str
) -> None:
    """With exit code 2, also from the environment."""
    photo = save(skin(64, 64), tmp_path / "photo.png")
    mark(photo, (MOLE, 10, 10))
    asked = ["automark3", "--reference", str(photo), "--target", str(photo)]
    variable = f"MEL_DEBUG_AUTOMARK3_{option[2:]}".replace("-", "_").upper()
    outcome = run(*asked, option, text) if where == "option" else run(*asked, env={variable: text})
    assert outcome.code == 2
    assert "is not a finite number" in outcome.error


def test_no_number_of_a_stage_takes_what_is_not_finite() -> None:
    """Of what ships, and with no bound of its own."""
    stages = load_registry().stages.values()
    options = [
        option for offers in stages for each in offers.values() for option in each.spec.options
    ]
    options.append(Option("bare", 1.0, "a number without bounds"))
    numeric = [option for option in options if type(option.default) in (int, float)]
    assert len(numeric) >= 3
    for option in numeric:
        for text in NOT_FINITE:
            with pytest.raises(UsageError, match=repr(option.name)):
                option.parse(text)


@pytest.mark.parametrize("name", [*AT_LEAST, *AT_MOST])
@pytest.mark.parametrize("text", NOT_FINITE)
def test_no_demand_is_met_by_what_is_not_finite(name: str, text: str) -> None:
    with pytest.raises(UsageError, match="finite"):
        Requirement.parse(f"{name}={text}")


@pytest.mark.parametrize("text", ["nanGB", "infGB", "nan", "1e999", "-1GB", "9" * 400, "9999999TB"])
def test_no_size_is_endless(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as an option nor in the environment."""
    with pytest.raises(UsageError, match="is not a size"):
        parse_size(text)
    monkeypatch.setenv(SIZE, text)
    assert "is not a size" in run("cache", "info").error
    assert run("cache", "prune", "--max-size", text).code == 2


@given(st.integers(0, int(LARGEST) // 1000 - 1))
def test_every_whole_size_is_read_to_a_part_in_a_million(size: int) -> None:
    assert parse_size(f"{size} kB") == pytest.approx(1000 * size, rel=1e-6)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -0.1, 1.1])
def test_no_threshold_switches_uncertainty_off(number: float) -> None:
    """For callers of the library as well."""
    with pytest.raises(ValueError, match="lies in"):
        Judge(shipped()[ANY], calibrated=False, threshold=number)
    with pytest.raises(ValueError, match="lies in"):
        judge_for("xfeat/cosine", number)
    with pytest.raises(ValueError, match="lies in"):
        Rules(min_confidence=number)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 0.0])
def test_no_distance_of_the_rules_is_endless(number: float) -> None:
    with pytest.raises(ValueError, match="above 0 and finite"):
        Rules(consistency_px=number)


@pytest.mark.parametrize("name", ["offset", "stretch", "shift"])
def test_a_calibration_has_finite_numbers_only(name: str) -> None:
    data = shipped()[ANY].as_json()
    data["right"] = {**data["right"], name: float("nan")}
    with pytest.raises(ValueError, match="finite"):
        Calibration.from_json(data)


@given(st.floats(0, 1e6), st.sampled_from(["", "px", " px", "mm", " MM"]))
def test_a_length_has_a_unit(number: float, unit: str) -> None:
    """Pixels without one."""
    found = Length().convert(f"{number}{unit}", None, None)
    assert found == (number, unit.strip().lower() or "px")


@pytest.mark.parametrize("text", ["-1", "nan", "inf mm", "mm", "2cm", ""])
def test_what_is_no_length_is_refused(text: str) -> None:
    """As a usage error of the option."""
    with pytest.raises(click.BadParameter):
        Length().convert(text, None, None)


def test_millimetres_need_a_scale() -> None:
    """With it they are pixels; without, the error says what to measure."""
    assert in_pixels((2.0, "mm"), 7.5) == 15.0
    assert in_pixels((8.0, "px"), None) == 8.0
    with pytest.raises(UsageError, match="ruler"):
        in_pixels((2.0, "mm"), None)
