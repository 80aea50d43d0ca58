"""The user's folders for settings, state and caches.

These are the usual folders of the platform, unless `MEL_DEBUG_CONFIG_DIR`, `MEL_DEBUG_STATE_DIR`,
`MEL_DEBUG_CACHE` or `MEL_DEBUG_GRAPHS` is set to another.
"""

import os
from pathlib import Path

CONFIG = "MEL_DEBUG_CONFIG_DIR"
STATE = "MEL_DEBUG_STATE_DIR"
CACHE = "MEL_DEBUG_CACHE"
GRAPHS = "MEL_DEBUG_GRAPHS"


def config_folder() -> Path:
    """The folder of the user's settings, such as calibrations; it may not exist."""
    from platformdirs import user_config_path

    given = os.environ.get(CONFIG)
    return Path(given) if given else user_config_path("mel-debug", appauthor=False)


def state_folder() -> Path:
    """The folder of partial results of long runs; it may not exist."""
    from platformdirs import user_state_path

    given = os.environ.get(STATE)
    return Path(given) if given else user_state_path("mel-debug", appauthor=False)


def cache_folder() -> Path:
    """The folder of cached files, which can be deleted at any time; it may not exist."""
    from platformdirs import user_cache_path

    given = os.environ.get(CACHE)
    return Path(given).expanduser() if given else user_cache_path("mel-debug", appauthor=False)


def graph_folder(cache: Path) -> Path:
    """The folder of converted models, which several caches may share; it may not exist."""
    given = os.environ.get(GRAPHS)
    return Path(given).expanduser() if given else cache / "graphs"
