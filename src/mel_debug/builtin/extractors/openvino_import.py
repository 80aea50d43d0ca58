"""OpenVINO without its telemetry; the only module that imports it.

By default OpenVINO reports its import and each conversion to Google Analytics. It stores an
identifier in the home folder and forks the process for every report. A program for photos of
people's skin must not report its use, and a fork of a process with running threads can deadlock.
If the package `openvino_telemetry` is missing, OpenVINO uses a stub that does nothing
(`telemetry_stub`), so this module hides the package. That has no effect if another module has
imported OpenVINO before.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # marks it as missing

import openvino  # noqa: E402 # after hiding the telemetry

__all__ = ["openvino"]
