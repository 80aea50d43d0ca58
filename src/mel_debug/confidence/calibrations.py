"""Which calibration judges which combination: what ships, and what a person made of own photos."""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.json_value import parsed
from mel_debug.files.atomic import write_atomically
from mel_debug.files.regular import open_regular
from mel_debug.files.user_dirs import config_folder

if TYPE_CHECKING:
    from pathlib import Path

    from mel_debug.confidence.model import Calibration

DEFAULT_THRESHOLD = 0.5
"""Matches less probable than this are uncertain."""

ANY = "*"
"""Key of the calibration for combinations that have none: evidence without units only."""


def key_for(family: str, matcher: str) -> str:
    """A calibration's key: the extractor's `calibration_family` and the matcher's name."""
    return f"{family}/{matcher}"


@functools.cache
def shipped() -> Mapping[str, "Calibration"]:
    """The calibrations that ship, by key."""
    text = resources.files("mel_debug.confidence").joinpath("calibration.json").read_text("utf-8")
    return _parsed(text, "the shipped calibration.json")


def own_path() -> "Path":
    """Where a person's own calibrations are kept."""
    return config_folder() / "calibration.json"


def own() -> Mapping[str, "Calibration"]:
    """A person's own calibrations by key; none without a file. Raises MelError if it is damaged."""
    return calibrations_in(own_path())


def calibrations_in(path: "Path") -> Mapping[str, "Calibration"]:
    """The calibrations of a file by key; none if there is no file, or nothing in it.

    Raises UsageError for a pipe or a device, and MelError for anything else in the file.
    """
    try:
        with open_regular(path) as file:
            text = file.read().decode()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise MelError(f"{path} can't be read ({error}); mend or remove it") from error
    return _parsed(text, str(path)) if text else {}


def check_calibrations(path: "Path") -> bool:
    """True; raises UsageError for a file that holds anything but calibrations."""
    try:
        calibrations_in(path)
    except MelError as error:
        raise UsageError(f"{path} exists and holds no calibrations; choose another name") from error
    return True


def keep(path: "Path", calibrations: Mapping[str, "Calibration"]) -> None:
    """Add calibrations to a file, or replace them there; others that it has stay.

    Raises MelError if the file can't be written, or holds anything but calibrations.
    """
    known = {**calibrations_in(path), **calibrations}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MelError(f"{path.parent} can't be made ({error.strerror})") from error
    write_atomically(path, text_of(known).encode())


def text_of(calibrations: Mapping[str, "Calibration"]) -> str:
    """Calibrations as the text of a file."""
    data = {key: calibration.as_json() for key, calibration in sorted(calibrations.items())}
    return json.dumps(data, indent=1) + "\n"


def _parsed(text: str, name: str) -> dict[str, "Calibration"]:
    from mel_debug.confidence.model import Calibration

    try:
        return {key: Calibration.from_json(data) for key, data in parsed(text).items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise MelError(f"{name} holds no calibrations ({error}); mend or remove it") from error
