"""Choosing where and how torch computes."""

from contextlib import AbstractContextManager, nullcontext

import torch

from mel_debug.core.errors import MelError
from mel_debug.core.types import Pixels


def torch_device(name: str) -> torch.device:
    """The torch device of a name; `auto` is cuda if there is one, else mps, else cpu.

    Raises MelError for a device this machine does not have.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device, present in there.items() if present)
    if not there.get(name, False):
        present = ", ".join(device for device, is_there in there.items() if is_there)
        raise MelError(f"torch finds no device {name!r} here; try `device={present}`")
    return torch.device(name)


def use_threads(number: int | None) -> None:
    """Let torch compute with so many threads; None leaves it to torch."""
    if number is not None:
        torch.set_num_threads(number)


def low_precision(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Where torch takes 16-bit numbers for what bears it, if `precision` is not f32.

    They are bfloat16, but float16 on a GPU that is too old for it.
    """
    if precision == "f32":
        return nullcontext()
    is_old = device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False)
    short: AbstractContextManager[object] = torch.autocast(
        device.type, torch.float16 if is_old else torch.bfloat16
    )
    return short


def on_device(images: Pixels, device: torch.device) -> torch.Tensor:
    """Images as a tensor there; to a GPU they go through pinned memory, without waiting."""
    batch = torch.tensor(images)
    if device.type == "cuda":
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)
