"""The configuration of commands for people, who need not know what there is to choose from."""

from typing import TYPE_CHECKING, Any

from mel_debug.builtin.defaults import ACCURATE_PRESET, AUTO
from mel_debug.cli.stage_options import (
    config_from,
)
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.plugins.config import RunConfig


def accurate_config(**stages: Any) -> "RunConfig":
    """Like `config_from`, with an extractor that needs no download and the accurate preset.

    Both only where options and settings leave them open. Prints the extractor on standard error.
    """
    from dataclasses import replace

    from mel_debug.builtin.choosing import choose_extractor

    config = config_from(**stages)
    if config.extractor in (None, AUTO) and not (config.dino_size or config.weights):
        extractor, reason = choose_extractor()
        echo_line(f"Using {extractor}: {reason}.", err=True)
        config = replace(config, extractor=extractor)
    if config.preset or config.matcher:
        return config
    return replace(config, preset=ACCURATE_PRESET)
