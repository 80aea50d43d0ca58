"""The configuration of commands for people, who need not know what there is to choose from."""

from typing import TYPE_CHECKING, Any

from mel_debug.builtin.defaults import ACCURATE_PRESET, AUTO
from mel_debug.cli.options import config_from
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.plugins.config import RunConfig


def accurate_config(**stages: Any) -> "RunConfig":
    """Return the configuration of options that `extractor_options` and `matcher_options` add.

    What they leave open is an extractor that needs no download, which a line on standard error
    names, and the accurate preset.
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
