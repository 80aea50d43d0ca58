"""Selecting a runtime, torch or OpenVINO, without importing torch."""

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
"""Exists while the driver of an NVIDIA GPU is loaded, on Linux."""


def select_runtime(options: BuildOptions) -> str:
    """`torch` or `openvino`: the requested runtime, or for `auto` the faster one that is available.

    `auto` selects OpenVINO on a CPU if it is installed and a converted model can be stored, and
    for bf16 only if the CPU supports it: otherwise OpenVINO takes minutes for one photo, and has
    returned NaN. Raises UsageError if OpenVINO is requested but not installed, for another device,
    or for bf16 without support.
    """
    if options.runtime == "openvino":
        _check_openvino(options)
        if options.precision == "bf16" and not has_bf16():
            raise UsageError(
                "OpenVINO finds no bf16 support in this CPU; "
                "try `precision=f32`, or `runtime=torch`"
            )
        return "openvino"
    if options.runtime == "torch" or options.artifacts is None or not _uses_cpu(options.device):
        return "torch"
    if find_spec("openvino") is None or (options.precision != "f32" and not has_bf16()):
        return "torch"
    return "openvino"


def needs_torch(options: BuildOptions) -> bool:
    """Whether an extractor that also runs on OpenVINO and OpenCV has to use torch.

    `auto` uses it for other devices than the CPU. Raises UsageError if OpenVINO is requested but
    not installed, or a runtime for the CPU is requested for another device.
    """
    if options.runtime == "openvino":
        _check_openvino(options)
    elif options.runtime == "opencv":
        _check_device(options)
    if options.runtime == "auto":
        return not _uses_cpu(options.device)
    return options.runtime == "torch"


def _check_openvino(options: BuildOptions) -> None:
    if find_spec("openvino") is None:
        raise UsageError(
            "`runtime=openvino` needs an extra: pip install 'mel-debug[openvino]'; "
            "or try `runtime=torch`"
        )
    _check_device(options)


def _check_device(options: BuildOptions) -> None:
    if options.device not in ("auto", "cpu"):
        raise UsageError(
            f"`runtime={options.runtime}` runs on the CPU, not on {options.device}; "
            "leave one of them out"
        )


def auto_precision(options: BuildOptions) -> str:
    """bf16 where it was measured to be faster, with features that agree with f32; else f32.

    That is OpenVINO on a processor with bf16 instructions: on AVX-512 with bf16 DINOv3 base took
    0.58 of the time of f32, and the cosine of every patch with f32 was above 0.9999 (seeded
    weights). Not torch: on that processor it took 0.65 of its own f32, but 1.6 times as long as
    OpenVINO, and without bf16 instructions it takes far longer. Not GPUs, which were not measured.
    """
    if not _uses_cpu(options.device) or not _may_use_openvino(options) or not has_bf16():
        return "f32"
    return "bf16"


def _may_use_openvino(options: BuildOptions) -> bool:
    """Whether OpenVINO runs the model if the processor allows it."""
    if find_spec("openvino") is None or options.runtime == "torch":
        return False
    return options.runtime == "openvino" or options.artifacts is not None


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pause garbage collection in the block, for importing torch.

    The import creates no garbage, and dozens of collections would take a tenth of its time.
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
    """Whether OpenVINO finds bfloat16 instructions in this CPU."""
    from mel_debug.builtin.extractors.openvino_import import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _uses_cpu(device: str) -> bool:
    """Whether torch would use the CPU, decided without importing torch."""
    has_gpu = NVIDIA.exists() or sys.platform == "darwin"
    return device == "cpu" or (device == "auto" and not has_gpu)
