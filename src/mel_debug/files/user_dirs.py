"""Where a person's own settings and what can be made again are kept.

The system's usual folders, unless `MEL_DEBUG_CONFIG_DIR`, `MEL_DEBUG_STATE_DIR`,
`MEL_DEBUG_CACHE` or `MEL_DEBUG_GRAPHS` names another.
"""

import os
from pathlib import Path

CONFIG = "MEL_DEBUG_CONFIG_DIR"
STATE = "MEL_DEBUG_STATE_DIR"
CACHE = "MEL_DEBUG_CACHE"
GRAPHS = "MEL_DEBUG_GRAPHS"


def config_folder() -> Path:
    """The folder of what a person chose or made, such as own calibrations; it may not exist."""
    from platformdirs import user_config_path

    given = os.environ.get(CONFIG)
    return Path(given) if given else user_config_path("mel-debug", appauthor=False)


def state_folder() -> Path:
    """The folder of what long runs have finished so far; it may not exist."""
    from platformdirs import user_state_path

    given = os.environ.get(STATE)
    return Path(given) if given else user_state_path("mel-debug", appauthor=False)


def cache_folder() -> Path:
    """The folder of what is kept to save time and can be removed; it may not exist."""
    from platformdirs import user_cache_path

    given = os.environ.get(CACHE)
    return Path(given).expanduser() if given else user_cache_path("mel-debug", appauthor=False)


def graph_folder(cache: Path) -> Path:
    """The folder of converted models, which several caches may share; it may not exist."""
    given = os.environ.get(GRAPHS)
    return Path(given).expanduser() if given else cache / "graphs"
