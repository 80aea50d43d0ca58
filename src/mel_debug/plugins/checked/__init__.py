"""Wrappers of stages that check their results against the protocols in `mel_debug.core.stages`.

A wrapper raises PluginError, with the names of the plugin and the stage, if the stage raises
anything but a MelError, or returns a result that violates its protocol. The checks take a small
share of the time of the stage.
"""

from mel_debug.plugins.checked.extractor import checked_extractor
from mel_debug.plugins.checked.matcher import checked_matcher
from mel_debug.plugins.checked.renderer import checked_renderer

__all__ = ["checked_extractor", "checked_matcher", "checked_renderer"]
