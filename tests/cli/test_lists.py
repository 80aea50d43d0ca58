"""Laws of options that take several values."""

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.cli.lists import ListCommand


@click.command(cls=ListCommand)
@click.option("--a", multiple=True)
@click.option("--b", multiple=True)
@click.option("--one")
@click.option("-o", "pairs", type=(str, str), multiple=True)
@click.option("--flag", is_flag=True)
def command(**given: object) -> None:
    click.echo(repr(given))


def parsed(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(command, list(arguments))
    assert result.exit_code == 0, result.output
    found: dict[str, object] = eval(result.output)
    return found


words = st.lists(st.text("xyz", min_size=1, max_size=3), min_size=1, max_size=4)


@given(words, words)
def test_a_flag_takes_all_that_follows_it(first: list[str], second: list[str]) -> None:
    """Up to the next option; and a repeated flag adds to it."""
    once = parsed("--a", *first, "--flag", "--b", *second)
    assert (once["a"], once["b"], once["flag"]) == (tuple(first), tuple(second), True)
    each = [part for word in first for part in ("--a", word)]
    assert parsed(*each)["a"] == tuple(first)
    assert parsed("--a", *first, "--a", *second)["a"] == (*first, *second)


def test_other_options_keep_their_own_values() -> None:
    """One, or two, and what is left over is refused as ever."""
    found = parsed("--a", "x", "y", "-o", "n", "v", "--one", "z", "--b", "w")
    assert found["a"] == ("x", "y")
    assert found["pairs"] == (("n", "v"),)
    assert (found["one"], found["b"]) == ("z", ("w",))
    assert CliRunner().invoke(command, ["--one", "z", "left"]).exit_code == 2
    assert CliRunner().invoke(command, ["left", "--a", "x"]).exit_code == 2


@pytest.mark.parametrize("arguments", [["--a"], ["x", "--a"]])
def test_a_flag_without_a_value_is_refused(arguments: list[str]) -> None:
    """It says that something is missing or too much."""
    assert CliRunner().invoke(command, arguments).exit_code == 2


def test_a_value_may_begin_with_a_dash_if_it_is_joined() -> None:
    """And is then the only one."""
    assert parsed("--a=-x", "--b", "y", "z")["a"] == ("-x",)
