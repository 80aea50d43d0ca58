"""The device, threads and precision with which torch computes."""

from contextlib import AbstractContextManager, nullcontext

import torch

from mel_debug.core.errors import MelError
from mel_debug.core.types import Pixels


def torch_device(name: str) -> torch.device:
    """The torch device of a name; `auto` is cuda if available, else mps, else cpu.

    Raises MelError for a device that torch does not find.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, present in available.items() if present)
    if not available.get(name, False):
        present = ", ".join(device for device, is_available in available.items() if is_available)
        raise MelError(f"torch finds no {name!r} on this machine; try `device={present}`")
    return torch.device(name)


def use_threads(number: int | None) -> None:
    """Set the number of threads of torch; None keeps its default."""
    if number is not None:
        torch.set_num_threads(number)


def low_precision(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """A context in which torch uses 16-bit floats where suitable, unless `precision` is f32.

    The type is bfloat16, or float16 on GPUs without bfloat16.
    """
    if precision == "f32":
        return nullcontext()
    is_old = device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False)
    autocast: AbstractContextManager[object] = torch.autocast(
        device.type, torch.float16 if is_old else torch.bfloat16
    )
    return autocast


def on_device(images: Pixels, device: torch.device) -> torch.Tensor:
    """Images as a tensor on a device; copied to a GPU asynchronously, through pinned memory."""
    batch = torch.tensor(images)
    if device.type == "cuda":
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)
