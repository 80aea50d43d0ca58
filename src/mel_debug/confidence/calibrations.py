"""Stored calibrations: the shipped ones and the user's own, by extractor and matcher."""

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
"""Matches of a lower probability, more likely wrong than right, are uncertain."""

ANY = "*"
"""Key of the general calibration, for combinations without one; see `evidence.METRIC_FREE`."""


def key_for(family: str, matcher: str) -> str:
    """The key of a calibration: the extractor's `calibration_family` and the matcher's name."""
    return f"{family}/{matcher}"


@functools.cache
def shipped() -> Mapping[str, "Calibration"]:
    """The calibrations that ship, by key."""
    text = resources.files("mel_debug.confidence").joinpath("calibration.json").read_text("utf-8")
    return _parsed(text, "the shipped calibration.json")


def user_path() -> "Path":
    """The path of the file with the user's own calibrations."""
    return config_folder() / "calibration.json"


def user_calibrations() -> Mapping[str, "Calibration"]:
    """The user's own calibrations by key, if any. Raises MelError if their file is damaged."""
    return calibrations_in(user_path())


def calibrations_in(path: "Path") -> Mapping[str, "Calibration"]:
    """The calibrations in a file by key; none if it is missing or empty.

    Raises UsageError for a pipe or a device, and MelError if the file contains anything else.
    """
    try:
        with open_regular(path) as file:
            text = file.read().decode()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise MelError(f"{path} can't be read ({error}); correct or remove it") from error
    return _parsed(text, str(path)) if text else {}


def check_calibrations(path: "Path") -> bool:
    """Return True, or raise UsageError if an existing file contains anything but calibrations."""
    try:
        calibrations_in(path)
    except MelError as error:
        raise UsageError(
            f"{path} exists and contains no calibrations; choose another name"
        ) from error
    return True


def store(path: "Path", calibrations: Mapping[str, "Calibration"]) -> None:
    """Add calibrations to a file, replacing those of the same keys only.

    Raises MelError if the file can't be written, or contains anything but calibrations.
    """
    known = {**calibrations_in(path), **calibrations}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MelError(f"{path.parent} can't be created ({error.strerror})") from error
    write_atomically(path, text_of(known).encode())


def text_of(calibrations: Mapping[str, "Calibration"]) -> str:
    """The text of a file with these calibrations."""
    data = {key: calibration.as_json() for key, calibration in sorted(calibrations.items())}
    return json.dumps(data, indent=1) + "\n"


def _parsed(text: str, name: str) -> dict[str, "Calibration"]:
    from mel_debug.confidence.model import Calibration

    try:
        read = parsed(text)
        if any("ramps" in data for data in read.values()):
            raise MelError(
                f"{name} was written by an earlier version, whose radius had another meaning; "
                "remove it and run `mel-debug calibrate` again"
            )
        return {key: Calibration.from_json(data) for key, data in read.items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise MelError(
            f"{name} contains no calibrations ({error}); correct or remove it"
        ) from error
