"""Errors of the library name its settings; on the command line they read as flags."""

import re

SETTINGS = frozenset(
    (
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
        "precision",
        "preset",
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
"""Settings whose flag is the name with dashes."""

OTHERS = {"use_masks=False": "--no-mask", "cache=False": "--no-cache"}

_SETTING = re.compile(r"`(\w+)(?:=([^`]*))?`")


def as_flags(message: str) -> str:
    """A message with every setting in backticks, such as `image_size`, replaced by its flag.

    `runtime=torch` becomes `--runtime torch`. Other text in backticks stays as it is.
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
