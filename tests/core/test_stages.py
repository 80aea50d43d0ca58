"""A stage is created with options that are complete and checked."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.core.errors import UsageError
from mel_debug.core.option import Option, OptionValue
from mel_debug.core.stages import BuildOptions, StageSpec

SIZE = Option("size", 3, "a whole number", minimum=1)
SCALE = Option("scale", 0.5, "a number", above=0)
MODE = Option("mode", "mean", "a word", choices=("mean", "best"))
DEEP = Option("deep", False, "yes or no")
DEFAULTS = {"size": 3, "scale": 0.5, "mode": "mean", "deep": False}


def values_built(options: BuildOptions) -> Any:
    """A stage that is nothing but the values it was built with."""
    return dict(options.values)


SPEC: StageSpec[Any] = StageSpec(
    "toy", "a toy", build=values_built, options=(SIZE, SCALE, MODE, DEEP)
)


def test_options_that_are_not_given_have_their_defaults() -> None:
    assert SPEC.create() == DEFAULTS
    assert SPEC.create(scale=2.5) == {**DEFAULTS, "scale": 2.5}


def test_the_device_and_other_settings_are_passed_on() -> None:
    """With the option values in them; those given by name have priority."""
    spec: StageSpec[Any] = StageSpec("toy", "a toy", build=lambda options: options, options=(SIZE,))
    given = BuildOptions("cpu", Path("weights"), offline=True, values={"size": 5}, threads=2)
    built = spec.create(given)
    assert (built.device, built.weights, built.offline, built.threads) == (
        "cpu",
        Path("weights"),
        True,
        2,
    )
    assert built["size"] == 5
    assert spec.create(given, size=7)["size"] == 7


def test_an_option_may_be_called_as_any_parameter() -> None:
    """`create` takes its own settings by position only."""
    spec: StageSpec[Any] = StageSpec(
        "toy", "a toy", build=values_built, options=(Option("given", 1, "of what is given"),)
    )
    assert spec.create(given=2) == {"given": 2}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"size": "7"}, 7),
        ({"size": np.int64(7)}, 7),
        ({"scale": 2}, 2.0),
        ({"scale": "2"}, 2.0),
        ({"scale": "1e-3"}, 0.001),
        ({"scale": np.float32(0.25)}, 0.25),
        ({"scale": np.float64(0.25)}, 0.25),
        ({"mode": "best"}, "best"),
        ({"deep": True}, True),
        ({"deep": "Yes"}, True),
        ({"deep": "0"}, False),
    ],
)
def test_a_value_or_its_text_becomes_the_options_type(
    given: Mapping[str, OptionValue], value: OptionValue
) -> None:
    """Texts come from the command line, numbers of numpy from notebooks."""
    (name,) = given
    created = SPEC.create(**given)[name]
    assert created == pytest.approx(value)
    assert type(created) is type(value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"width": 3}, "toy has no option 'width'; it has: deep, mode, scale, size"),
        ({"size": 2.5}, "option 'size' takes a whole number, not 2.5"),
        ({"size": 2.0}, "option 'size' takes a whole number, not 2.0"),
        ({"size": True}, "option 'size' takes a whole number, not True"),
        ({"size": "two"}, "option 'size' takes a whole number, not 'two'"),
        ({"size": ""}, "option 'size' takes a whole number, not ''"),
        ({"size": 0}, "option 'size' is at least 1, not 0"),
        ({"scale": True}, "option 'scale' takes a number, not True"),
        ({"scale": 0}, "option 'scale' is above 0, not 0.0"),
        ({"scale": math.nan}, "option 'scale' takes a finite number, not nan"),
        ({"scale": "nan"}, "option 'scale' takes a finite number, not nan"),
        ({"scale": "-inf"}, "option 'scale' takes a finite number, not -inf"),
        ({"scale": 10**400}, "option 'scale' takes a finite number, not inf"),
        ({"scale": None}, "option 'scale' takes a number, not None"),
        ({"mode": "median"}, "option 'mode' is one of mean, best"),
        ({"mode": 3}, "option 'mode' takes a text, not 3"),
        ({"deep": 1}, "option 'deep' takes yes or no, not 1"),
        ({"deep": "perhaps"}, "option 'deep' takes yes or no, not 'perhaps'"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_built(
    given: Mapping[str, Any], said: str
) -> None:
    def build(_: BuildOptions) -> None:
        raise AssertionError("built in spite of a wrong option")

    spec: StageSpec[Any] = StageSpec("toy", "a toy", build, SPEC.options)
    with pytest.raises(UsageError) as error:
        spec.create(**given)
    assert str(error.value) == said


def test_an_option_of_a_stage_without_options_is_an_error() -> None:
    spec: StageSpec[Any] = StageSpec("bare", "a toy", build=values_built)
    with pytest.raises(UsageError, match="bare has no option 'size'; it has none"):
        spec.create(size=3)


def test_a_build_without_option_values_names_the_right_method() -> None:
    """`build` is the plugin's own function; only `create` fills in defaults."""
    spec: StageSpec[Any] = StageSpec(
        "toy", "a toy", build=lambda options: options["size"], options=(SIZE,)
    )
    with pytest.raises(UsageError, match=r"'size' has no value; build stages with .*create\(\)"):
        spec.build(BuildOptions())
    assert spec.create() == 3


@given(st.integers())
def test_limits_hold_for_numbers_of_any_length(number: int) -> None:
    """Also for those that no float can hold."""
    if number >= 1:
        assert SPEC.create(size=number)["size"] == number
        assert SPEC.create(size=number * 10**400)["size"] == number * 10**400
    else:
        with pytest.raises(UsageError):
            SPEC.create(size=number)


@given(st.text())
def test_any_text_is_a_value_or_a_usage_error(text: str) -> None:
    """No text raises any other error."""
    for option in SPEC.options:
        try:
            value = option.parse(text)
        except UsageError:
            continue
        assert option.check(value) == value


def test_a_patch_may_depend_on_options() -> None:
    """As a number, it does not."""
    spec: StageSpec[Any] = StageSpec(
        "toy", "a toy", values_built, (SIZE,), patch=lambda values: 4 * int(values["size"])
    )
    assert spec.patch_for(spec.values({})) == 12
    assert spec.patch_for(spec.values({"size": "5"})) == 20
    assert StageSpec("toy", "a toy", values_built, patch=16).patch_for({}) == 16
    assert SPEC.patch_for({}) is None


def test_the_family_is_the_name_unless_declared() -> None:
    assert SPEC.calibration_family == "toy"
    assert StageSpec("toy-l", "a toy", values_built, family="toy").calibration_family == "toy"


@pytest.mark.parametrize("default", [None, (1, 2), b"bytes"])
def test_an_option_needs_a_default_of_a_type_that_a_text_can_have(default: Any) -> None:
    with pytest.raises(ValueError, match="needs a default"):
        Option("size", default, "a size")


@pytest.mark.parametrize("name", ["", "two words", " toy"])
def test_the_name_of_a_stage_is_one_word(name: str) -> None:
    with pytest.raises(ValueError, match="one word"):
        StageSpec(name, "a toy", values_built)
