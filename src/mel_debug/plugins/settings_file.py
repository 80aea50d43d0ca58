"""Settings that nobody wants to type each time: from the environment and from settings files.

A settings file is `mel-debug.toml`, in the root of the mel repository that contains the current
folder (or in the current folder, if it is in none), and in the user's configuration folder. The
library does not read them; the command line does.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mel_debug.core.errors import MelError, UsageError
from mel_debug.files.beside import exists
from mel_debug.files.discovery import ROOT_MARK
from mel_debug.files.user_dirs import config_folder

FILE = "mel-debug.toml"

NAMES = ("extractor", "preset", "runtime", "weights", "cache")
"""The settings. The variable of each is its name in capitals after `MEL_DEBUG_`."""

RUNTIMES = ("auto", "torch", "openvino")

_PATHS = ("weights", "cache")


@dataclass(frozen=True, slots=True)
class Setting:
    """A value, as text, and where it comes from: a variable, or the path of a settings file."""

    value: str
    origin: str


Settings = Mapping[str, Setting]
"""Settings by name; those that are set nowhere are left out."""


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"MEL_DEBUG_{name.upper()}"


def settings_files() -> list[Path]:
    """The settings files in use, the one that goes first at the start; they may not exist."""
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return [config_folder() / FILE]
    root = next((each for each in (here, *here.parents) if exists(each / ROOT_MARK)), here)
    return [root / FILE, config_folder() / FILE]


def load_settings() -> Settings:
    """The settings of the environment, the repository's file and the user's file, in this order.

    `weights` belong to an extractor: a file's are left out if something before it sets another
    extractor than the file does. Paths in a file are relative to its folder. Raises UsageError for
    a wrong file.
    """
    sources = [_of_environment(), *map(_of_file, settings_files())]
    found: dict[str, Setting] = {}
    for source in sources:
        usable = belonging(source, found["extractor"].value if "extractor" in found else None)
        found = {**usable, **found}
    return found


def belonging(settings: Settings, extractor: str | None) -> Settings:
    """The settings without weights that belong to another extractor than this one, if any."""
    own = settings.get("extractor")
    if extractor is None or (own is not None and own.value == extractor):
        return settings
    return {name: setting for name, setting in settings.items() if name != "weights"}


def _of_environment() -> Settings:
    given = {name: os.environ.get(variable(name)) for name in NAMES}
    return {
        name: Setting(_checked(name, value, variable(name)), variable(name))
        for name, value in given.items()
        if value
    }


def _of_file(path: Path) -> Settings:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise MelError(f"{path} can't be read ({error.strerror or error})") from error
    except ValueError as error:  # also text that is not UTF-8
        raise UsageError(f"{path} is not valid TOML ({error})") from error
    for name in values:
        if name not in NAMES:
            raise UsageError(f"{path}: unknown setting {name!r}; {_advice(name)}")
    return {name: Setting(_of(path, name, value), str(path)) for name, value in values.items()}


def _of(path: Path, name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{path}: {name} must be a text in quotes, not {value!r}")
    text = _checked(name, value, str(path))
    return str(path.parent / text) if name in _PATHS else text


def _checked(name: str, value: str, origin: str) -> str:
    if name == "runtime" and value not in RUNTIMES:
        raise UsageError(f"{origin}: no runtime {value!r}; try one of: {', '.join(RUNTIMES)}")
    return str(Path(value).expanduser()) if name in _PATHS else value


def _advice(name: str) -> str:
    near = difflib.get_close_matches(name, NAMES, n=1)
    return f"did you mean {near[0]}?" if near else f"the settings are: {', '.join(NAMES)}"
