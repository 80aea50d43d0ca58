"""Options that settings files and general variables fill in where no flag is given."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource


def with_settings(stages: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the options, filled in from `load_settings` where they have their default.

    A runtime is left out that an extractor in use does not have. Raises UsageError for a wrong
    settings file.
    """
    from mel_debug.plugins.settings_file import belonging, load_settings

    filled, settings = dict(stages), load_settings()
    named = _extractors(stages)
    settings = belonging(settings, named[0] if len(named) == 1 else None)
    if len(named) > 1:
        settings = {name: each for name, each in settings.items() if name != "weights"}
    for name, several in (("extractor", "extractors"), ("preset", "presets")):
        if name in settings and not (name == "extractor" and named):
            _fill(filled, name, settings[name].value)
            _fill(filled, several, (settings[name].value,))
    if "weights" in settings:
        _fill(filled, "weights", Path(settings["weights"].value))
    if "runtime" in settings and _all_run_with(settings["runtime"].value, _extractors(filled)):
        _fill(filled, "runtime", settings["runtime"].value)
    return filled


def cache_setting(
    _context: click.Context, _option: click.Parameter, given: Path | None
) -> Path | None:
    """The given cache folder, else the one of the settings, if any."""
    from mel_debug.plugins.settings_file import load_settings

    if given is not None or _context.resilient_parsing:
        return given
    setting = load_settings().get("cache")
    return None if setting is None else Path(setting.value)


def _fill(filled: dict[str, Any], name: str, value: Any) -> None:
    source = click.get_current_context().get_parameter_source(name)
    if name in filled and source in (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP):
        filled[name] = value


def _extractors(stages: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the extractors that the options set."""
    from mel_debug.builtin.defaults import dinov3_name

    if stages.get("dino_size"):
        return (dinov3_name(stages["dino_size"]),)
    one = stages.get("extractor")
    return (one,) if one else tuple(stages.get("extractors", ()))


def _all_run_with(runtime: str, extractors: Iterable[str]) -> bool:
    from mel_debug.builtin.choosing import choose_extractor
    from mel_debug.builtin.defaults import AUTO, dinov3_name
    from mel_debug.plugins.registry import load_registry

    registry = load_registry()
    names = [choose_extractor()[0] if name == AUTO else name for name in extractors]
    used = [registry.extractor(name) for name in names or [dinov3_name()]]
    return all(runtime in ("auto", *spec.runtimes) for spec in used)
