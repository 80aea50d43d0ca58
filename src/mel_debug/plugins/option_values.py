"""The option values of the stages of a run: those given, else the preset's, else the defaults."""

from collections.abc import Mapping
from typing import Any

from mel_debug.core.errors import UsageError
from mel_debug.core.option import OptionValue
from mel_debug.core.stages import Preset, StageSpec


def option_values(
    specs: Mapping[str, StageSpec[Any]], preset: Preset, given: Mapping[str, OptionValue]
) -> dict[str, dict[str, OptionValue]]:
    """All option values of each stage, by the name of the stage.

    A name in `given` is `STAGE.NAME`, or NAME if only one stage has such an option. Raises
    UsageError for an unknown option or a wrong value.
    """
    values: dict[str, dict[str, OptionValue]] = {stage: {} for stage in specs}
    values["matcher"] |= _preset_values(preset, specs["matcher"])
    for name, value in given.items():
        stage, option = _owner(specs, name)
        values[stage][option] = value
    return {stage: spec.values(values[stage]) for stage, spec in specs.items()}


def _preset_values(preset: Preset, matcher: StageSpec[Any]) -> dict[str, OptionValue]:
    """The option values of a preset; for another matcher than its own, those that it has.

    Raises UsageError for a value that the preset's own matcher refuses.
    """
    if matcher.name != preset.matcher:
        known = {option.name for option in matcher.options}
        return {name: value for name, value in preset.options.items() if name in known}
    try:
        matcher.values(preset.options)
    except UsageError as error:
        raise UsageError(f"preset {preset.name!r}: {error}") from error
    return dict(preset.options)


def _owner(specs: Mapping[str, StageSpec[Any]], name: str) -> tuple[str, str]:
    """The stage of an option, and the option's name without the stage."""
    stage, dot, option = name.partition(".")
    if dot and stage in specs:
        return stage, option
    owners = [stage for stage, spec in specs.items() if any(o.name == name for o in spec.options)]
    if len(owners) == 1:
        return owners[0], name
    names = ", ".join(spec.name for spec in specs.values())
    if owners:
        ways = " or ".join(f"{owner}.{name}" for owner in owners)
        raise UsageError(f"more than one of {names} has an option {name!r}; write {ways}")
    known = sorted(option.name for spec in specs.values() for option in spec.options)
    options = f"they have: {', '.join(known)}" if known else "they have none"
    raise UsageError(f"none of {names} has an option {name!r}; {options}")
