"""OpenVINO without its telemetry; the only place that imports it.

By itself OpenVINO reports its import and each conversion to Google Analytics: it leaves an
identifier in the home folder and forks the process for every report, whatever its other threads
hold at that moment. A program for photos of people's skin tells nobody that it is run, and a fork
of a process that computes may stand still for ever. Without the package that reports, OpenVINO
takes a stand-in of its own that does nothing (its telemetry_stub); so that package is not found.
Who imports OpenVINO before this module does has let it report already, and it goes on to.
"""

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # Python's "not there"

import openvino  # noqa: E402 # after what it must not find

__all__ = ["openvino"]
