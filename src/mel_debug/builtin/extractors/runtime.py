"""Which of the runtimes that are installed computes. Imports neither torch nor OpenVINO to say."""

import functools
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from mel_debug.core.errors import UsageError
from mel_debug.core.stages import BuildOptions

NVIDIA = Path("/proc/driver/nvidia/version")


def chosen_runtime(options: BuildOptions) -> str:
    """`torch` or `openvino`: what is asked for, else the faster one that can be had.

    `auto` takes OpenVINO on a processor, where a converted model can be kept, and for bf16 only if
    the processor computes with it: elsewhere OpenVINO takes minutes for one photo, and was seen to
    answer with what is no number. Raises UsageError for OpenVINO that is not installed, on another
    device, or in such bf16.
    """
    if options.runtime == "openvino":
        if find_spec("openvino") is None:
            raise UsageError(
                "`runtime=openvino` needs its extra: pip install 'mel-debug[openvino]'; "
                "or try `runtime=torch`"
            )
        if options.device not in ("auto", "cpu"):
            raise UsageError(
                f"`runtime=openvino` computes on the processor, not on {options.device}; "
                "leave one of them out"
            )
        if options.precision == "bf16" and not has_bf16():
            raise UsageError(
                "OpenVINO finds no bf16 arithmetic in this processor; "
                "try `precision=f32`, or `runtime=torch`"
            )
        return "openvino"
    if options.runtime == "torch" or options.artifacts is None or not _on_processor(options.device):
        return "torch"
    if find_spec("openvino") is None or (options.precision != "f32" and not has_bf16()):
        return "torch"
    return "openvino"


@contextmanager
def without_collection() -> Iterator[None]:
    """Look for no garbage meanwhile: of what importing torch makes, nothing ever is.

    Python would look through it all dozens of times, which takes a tenth of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@functools.cache
def has_bf16() -> bool:
    """Whether OpenVINO finds instructions for bfloat16 in this processor."""
    from mel_debug.builtin.extractors.openvino_import import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _on_processor(device: str) -> bool:
    """Whether torch would compute on the processor too, told without importing it."""
    has_gpu = NVIDIA.exists() or sys.platform == "darwin"
    return device == "cpu" or (device == "auto" and not has_gpu)
