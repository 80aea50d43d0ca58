"""Folders of installed packages, and runs of the command that see them."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from workbench import Outcome, settings

STAGES = ("extractors", "matchers", "renderers")
KINDS = (*STAGES, "resolvers", "presets")
Listing = dict[str, list[dict[str, Any]]]


def run_python(*arguments: str, site: Path, plugins: str | None = None, **more: str) -> Outcome:
    """Run Python where the packages in the folder `site` are installed too.

    `plugins` restricts which are loaded; `more` are further environment variables.
    """
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    clean = {name: value for name, value in os.environ.items() if name not in settings()}
    env = {**clean, "PYTHONPATH": os.pathsep.join(paths), **more}
    env |= {} if plugins is None else {"MEL_DEBUG_PLUGINS": plugins}
    done = subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def mel_debug(*arguments: str, site: Path, plugins: str | None = None, **more: str) -> Outcome:
    return run_python("-m", "mel_debug", *arguments, site=site, plugins=plugins, **more)


def listing(outcome: Outcome) -> Listing:
    """What `mel-debug plugins --json` printed."""
    stages: Listing = outcome.report
    assert tuple(stages) == KINDS
    return stages


def names(stages: Listing, plugin: str) -> set[str]:
    """The names of all stages and presets that a plugin provides."""
    return {
        offer["name"] for offers in stages.values() for offer in offers if offer["plugin"] == plugin
    }


def install(site: Path, name: str, source: str, *, value: str | None = None) -> None:
    """What pip leaves of a package of one module: the module, and its entry point in metadata."""
    module = f"mel_{name}"
    (site / f"{module}.py").write_text(source)
    info = site / f"{module}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[mel_debug]\n{name} = {value or module}\n")


HEAD = """
from mel_debug.plugin import Option, Preset, StageSpec, hookimpl
"""


def matcher_named(name: str) -> str:
    return (
        f"{HEAD}\n@hookimpl\ndef mel_matchers(): return [StageSpec({name!r}, 'toy', build=print)]\n"
    )
