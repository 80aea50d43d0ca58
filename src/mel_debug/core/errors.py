"""The errors a person may meet: one line each, with the exit code the command line ends with."""


class MelError(Exception):
    """What went wrong, where, and what to try, in one line. Ends a command with exit code 1."""

    exit_code = 1


class UsageError(MelError):
    """The command was asked for something it can't take: a bad option or a missing file."""

    exit_code = 2


class PluginError(MelError):
    """A plugin broke the rules of the door; the message names the plugin."""


class WeightsError(MelError):
    """A model's weights could not be found, fetched or fitted to the model."""


def shortened(names: list[str], most: int = 10) -> str:
    """Join names for a message; past `most` of them, say how many were left out."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"
