"""The settings of a `Finder` as keyword arguments, and their conversion to a RunConfig."""

import operator
import os
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, TypedDict

from mel_debug.core.errors import UsageError
from mel_debug.core.option import OptionValue
from mel_debug.plugins.config import RunConfig


class Settings(TypedDict, total=False):
    """Keyword arguments of `Finder` and `find_mole`; those left out, or None, have their defaults.

    `extractor`, `matcher`, `renderer` and `preset` are names that `mel-debug plugins` lists, and
    `dino_size` is short for a DINOv3 extractor. `options` sets options of stages by name, or
    `STAGE.NAME`. `image_size` is the longer side that photos are scaled to, in pixels; `window` and
    `overlap` (a share of the window, 0 to 0.9) extract features in windows of scaled pixels instead
    of all at once. `refine` repeats the match in windows at full resolution.

    `weights` is a checkpoint to load instead of the published one, and `offline` forbids downloads.
    `device` is `auto`, `cpu`, `cuda` or `mps`; `runtime` is `auto`, `torch`, `openvino` or
    `opencv`; `precision` is `auto`, `f32` or `bf16`; `threads` limits processor threads.
    `cache=False` neither reads nor writes features on disk; `cache_dir` and `cache_bytes` say where
    they are stored, and how much.
    """

    extractor: str | None
    dino_size: str | None
    matcher: str | None
    renderer: str | None
    preset: str | None
    options: Mapping[str, OptionValue] | None
    image_size: int | None
    window: int | None
    overlap: float | None
    refine: bool | None
    device: str | None
    weights: str | os.PathLike[str] | None
    offline: bool | None
    runtime: str | None
    precision: str | None
    threads: int | None
    cache: bool | None
    cache_dir: str | os.PathLike[str] | None
    cache_bytes: int | None


_SWITCHES = ("refine", "offline", "cache")
_PATHS = ("weights", "cache_dir")
_WHOLE_NUMBERS = ("image_size", "window", "threads", "cache_bytes")


def config_from(settings: Mapping[str, Any]) -> RunConfig:
    """The RunConfig of `Settings`. Raises UsageError for an unknown name or a wrong type.

    Whether the values fit each other is checked by `resolve`.
    """
    known = Settings.__annotations__
    for name in settings:
        if name not in known:
            raise UsageError(f"unknown setting {name!r}; the settings are: {', '.join(known)}")
    values = {name: _checked(name, value) for name, value in settings.items() if value is not None}
    if "options" in values:
        values["stage_options"] = values.pop("options")
    if "cache" in values:
        values["no_cache"] = not values.pop("cache")
    return RunConfig(**values)


def _checked(name: str, value: Any) -> Any:
    """A value in the type that RunConfig declares. Raises UsageError."""
    if name in _WHOLE_NUMBERS:
        return _whole_number(name, value)
    if name in _PATHS:
        return _typed(name, value, (str, os.PathLike), "a path", Path)
    if name in _SWITCHES:
        return _typed(name, value, bool, "True or False")
    if name == "overlap":
        return _typed(name, value, Real, "a number", float)
    if name == "options":
        return _typed(name, value, Mapping, "a dictionary of option names and values", dict)
    return _typed(name, value, str, "a text")


def _whole_number(name: str, value: Any) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = 0
    if isinstance(value, bool) or number < 1:
        raise UsageError(f"`{name}` must be a whole number above 0, not {value!r}")
    return number


def _typed(name: str, value: Any, kinds: Any, description: str, convert: Any = None) -> Any:
    if not isinstance(value, kinds):
        raise UsageError(f"`{name}` must be {description}, not {value!r}")
    return value if convert is None else convert(value)
