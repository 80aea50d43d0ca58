"""Translation of setting names in the library's error messages into command-line flags."""

import re

SETTINGS = frozenset(
    (
        "accept_above",
        "cache_dir",
        "candidates",
        "device",
        "dino_size",
        "extractor",
        "fail_under",
        "force",
        "gallery",
        "image_size",
        "jobs",
        "matcher",
        "max_size",
        "min_confidence",
        "output",
        "overlap",
        "plots",
        "port",
        "precision",
        "preset",
        "reject_below",
        "renderer",
        "report",
        "restart",
        "runtime",
        "scheduler",
        "state",
        "strict",
        "threads",
        "weights",
        "window",
    )
)
"""Settings whose flag is their name with dashes for underscores."""

OTHERS = {"use_masks=False": "--no-mask", "cache=False": "--no-cache"}

_SETTING = re.compile(r"`(\w+)(?:=([^`]*))?`")


def as_flags(message: str) -> str:
    """Return a message with every setting in backticks, such as `image_size`, replaced by its flag.

    `runtime=torch` becomes `--runtime torch`. Other text in backticks is unchanged.
    """
    return _SETTING.sub(_flag, message)


def _flag(found: re.Match[str]) -> str:
    text, name, value = found[0][1:-1], found[1], found[2]
    if text in OTHERS:
        return OTHERS[text]
    if name not in SETTINGS:
        return found[0]
    flag = f"--{name.replace('_', '-')}"
    return flag if value is None else f"{flag} {value.strip(chr(34))}"
