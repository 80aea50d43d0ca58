"""Choosing where torch computes."""

import torch

from mel_debug.errors import MelError


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
        raise MelError(f"torch finds no device {name!r} here; try --device {present}")
    return torch.device(name)
