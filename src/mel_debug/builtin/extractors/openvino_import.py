"""OpenVINO without its telemetry; the only module that imports it.

By default OpenVINO reports its import and each conversion to Google Analytics. It stores an
identifier in the home folder and forks the process for every report. A program for photos of
people's skin must not report its use, and a fork of a process with running threads can deadlock.
If the package `openvino_telemetry` is missing, OpenVINO uses a stub that does nothing
(`telemetry_stub`), so this module hides the package. That has no effect if another module has
imported OpenVINO before.
"""

import sys
from typing import Any

from mel_debug.core.stages import BuildOptions

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # marks it as missing

import openvino  # noqa: E402 # after hiding the telemetry

__all__ = ["cpu_settings", "openvino"]


def cpu_settings(options: BuildOptions) -> dict[str, Any]:
    """The settings with which any model is compiled for the processor."""
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": options.precision,
        # Two processes of one thread each would both be pinned to the first core.
        "ENABLE_CPU_PINNING": False,
    }
    if options.threads is not None:
        settings["INFERENCE_NUM_THREADS"] = options.threads
    return settings
