"""The most memory this process used since the last reset."""

import sys
from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def reset_peak() -> None:
    """Let the peak begin anew, where the system can (Linux: proc(5), clear_refs 5)."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return


def peak_mb() -> float | None:
    """Megabytes (10^6 bytes); elsewhere than on Linux since the start; None if not known."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
