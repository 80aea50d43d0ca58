"""Which calibration judges which combination: what ships, and what a person made of own photos."""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING

from mel_debug.core.errors import MelError
from mel_debug.files.atomic import write_atomically
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
    path = own_path()
    try:
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise MelError(f"{path} can't be read ({error}); mend or remove it") from error


def keep_own(key: str, calibration: "Calibration") -> "Path":
    """Add a calibration to a person's own, or replace it there; returns the file."""
    path = own_path()
    known = {**own(), key: calibration}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MelError(f"{path.parent} can't be made ({error.strerror})") from error
    write_atomically(path, text_of(known).encode())
    return path


def text_of(calibrations: Mapping[str, "Calibration"]) -> str:
    """Calibrations as the text of a file."""
    data = {key: calibration.as_json() for key, calibration in sorted(calibrations.items())}
    return json.dumps(data, indent=1) + "\n"


def _parsed(text: str, name: str) -> dict[str, "Calibration"]:
    from mel_debug.confidence.model import Calibration

    try:
        return {key: Calibration.from_json(data) for key, data in json.loads(text).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MelError(f"{name} holds no calibrations ({error}); mend or remove it") from error
