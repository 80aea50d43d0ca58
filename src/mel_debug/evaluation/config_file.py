"""Configurations to compare, from a TOML file: a table `[[run]]` for each, with lists as grids.

[defaults]
image_size = 896

[[run]]
extractor = "timm:vit_small_patch14_dinov2"
weights = "dinov2.safetensors"
matcher = ["cosine", "geometric"]
options = { layer = [-1, -3] }
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from mel_debug.core.errors import UsageError
from mel_debug.core.option import OptionValue
from mel_debug.plugins.config import RunConfig

OPTIONS = "options"

_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("extractor", "dino_size", "matcher", "preset"), (str,)),
    **dict.fromkeys(("device", "runtime", "precision", "weights"), (str,)),
    **dict.fromkeys(("image_size", "window", "threads"), (int,)),
    "overlap": (float, int),
    **dict.fromkeys(("refine", "offline"), (bool,)),
}
"""The settings of a run that a file may set, and their types."""


def runs_of(path: Path, base: RunConfig) -> list[RunConfig]:
    """The configurations of a file, over the settings in `base`.

    A path in the file is relative to the file. Raises UsageError for a file that cannot be read,
    is no TOML, or has an unknown setting.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} can't be read as TOML ({error})") from error
    unknown = set(content) - {"defaults", "run"}
    if unknown:
        raise UsageError(f"{path} has {min(unknown)!r}; write [defaults] and [[run]] tables")
    runs, defaults = content.get("run"), content.get("defaults", {})
    is_good = isinstance(runs, list) and all(isinstance(run, dict) for run in runs)
    if not runs or not is_good or not isinstance(defaults, dict):
        raise UsageError(f"{path} has no runs; write a [[run]] table with an extractor for each")
    return [
        config
        for run in runs
        for config in _configs(path, base, {**defaults, **run, OPTIONS: _options(defaults, run)})
    ]


def _options(defaults: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The stage options of a run: those of the defaults, and its own before them."""
    found: dict[str, Any] = {}
    for table in (defaults, run):
        options = table.get(OPTIONS, {})
        if not isinstance(options, dict):
            raise UsageError(f"`{OPTIONS}` is a table, as in {OPTIONS} = {{ layer = -1 }}")
        found |= options
    return found


def _configs(path: Path, base: RunConfig, run: Mapping[str, Any]) -> Iterator[RunConfig]:
    settings = {name: value for name, value in run.items() if name != OPTIONS}
    for name, value in settings.items():
        for one in value if isinstance(value, list) else [value]:
            _check(path, name, one)
    for values in _combinations(settings):
        if "weights" in values:
            values["weights"] = path.parent / values["weights"]
        for options in _combinations(run[OPTIONS]):
            stage_options: dict[str, OptionValue] = {
                **(base.stage_options or {}),
                **{name: _text(value) for name, value in options.items()},
            }
            yield replace(base, **values, stage_options=stage_options)


def _text(value: Any) -> OptionValue:
    """An option as the command line would give it, so that it is parsed in one place."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _combinations(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    lists = [value if isinstance(value, list) else [value] for value in table.values()]
    for values in product(*lists):
        yield dict(zip(table, values, strict=True))


def _check(path: Path, name: str, value: Any) -> None:
    known = {field.name for field in fields(RunConfig)} & set(_TYPES)
    if name not in known:
        raise UsageError(f"{path} sets {name!r}; a run has {', '.join(sorted(known))}, {OPTIONS}")
    types = _TYPES[name]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise UsageError(f"{path}: {name} = {value!r} is not of type {types[0].__name__}")
