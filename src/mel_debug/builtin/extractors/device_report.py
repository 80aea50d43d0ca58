"""The devices of torch and OpenVINO, as JSON: run this module with `python -m`.

It runs as a separate process, because the imports take seconds and a broken installation may crash.
"""

import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any


def torch_devices() -> dict[str, Any]:
    """Version, GPUs and threads of torch."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "version": torch.__version__,
        "cuda": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        if cuda
        else [],
        "mps": torch.backends.mps.is_available(),
        "threads": torch.get_num_threads(),
    }


def openvino_devices() -> dict[str, Any]:
    """Version and devices of OpenVINO, and the number formats that the processor supports."""
    from mel_debug.builtin.extractors.openvino_import import openvino

    core = openvino.Core()
    return {
        "version": openvino.__version__,
        "devices": list(core.available_devices),
        "arithmetic": list(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
    }


def report() -> dict[str, Any]:
    """The report of both: None for a missing package, and a `fault` for a broken one."""
    probes = {"torch": torch_devices, "openvino": openvino_devices}
    return {name: _probe(name, probe) for name, probe in probes.items()}


def _probe(package: str, probe: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    if find_spec(package) is None:
        return None
    try:
        return probe()
    except Exception as error:  # noqa: BLE001 - a broken installation may raise anything
        return {"fault": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    print(json.dumps(report()))  # noqa: T201
