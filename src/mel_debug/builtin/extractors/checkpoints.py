"""Checkpoints as named tensors, and errors that say what a file is and what to try."""

import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mel_debug.builtin.extractors.dinov3_sizes import SIZES
from mel_debug.builtin.extractors.weight_files import AGAIN, check_weights, is_safetensors
from mel_debug.core.errors import WeightsError, is_out_of_memory, kind_and_text

HOLDERS = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Keys under which training scripts keep the weights among other things."""

WRAPPERS = ("_orig_mod.", "module.")
"""What torch.compile and distributed training put before the name of each weight."""


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a file, by its content: its suffix may be wrong.

    Runs no code from the file. Raises WeightsError, which says what the file is if that can be
    told.
    """
    check_weights(path)
    try:
        if is_safetensors(path):
            from safetensors.torch import load_file

            return _tensors(load_file(path), path)
        # Given a path, torch goes by the suffix; and it warns of what it then refuses.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(file, map_location="cpu", weights_only=True)
        return _tensors(loaded, path)
    except WeightsError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise WeightsError(f"{path} {_unreadable(error)}") from error


def _unreadable(error: Exception) -> str:
    """Why torch can't read a file. Its own advice is to run the code inside, so it is left out."""
    if isinstance(error, pickle.UnpicklingError):
        return (
            "holds other things than tensors, which are not loaded, as they could run any code, or "
            f"it is damaged; {AGAIN}, or save the weights alone: "
            "torch.save(model.state_dict(), PATH)"
        )
    if isinstance(error, EOFError | struct.error) or "unexpected EOF" in str(error):
        return f"is a checkpoint of torch, cut short or damaged; {AGAIN}"
    return f"can't be read as a checkpoint ({kind_and_text(error)[:200]}); are they whole?"


def _tensors(checkpoint: Any, path: Path) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint, without what training keeps beside and before them."""
    if isinstance(checkpoint, Mapping):
        holder = next((key for key in HOLDERS if isinstance(checkpoint.get(key), Mapping)), None)
        checkpoint = checkpoint if holder is None else checkpoint[holder]
    if not isinstance(checkpoint, Mapping):
        raise WeightsError(
            f"{path} holds a {type(checkpoint).__name__}, not named tensors; save them alone: "
            "torch.save(model.state_dict(), PATH)"
        )
    odd = [name for name, value in checkpoint.items() if not isinstance(value, torch.Tensor)]
    if odd or not checkpoint:
        named = f"such as {str(odd[0])[:40]!r}" if odd else "nothing"
        raise WeightsError(
            f"{path} holds other things than named tensors, {named}; save the weights alone: "
            "torch.save(model.state_dict(), PATH)"
        )
    return {_bare(str(name)): value for name, value in checkpoint.items()}


def _bare(name: str) -> str:
    while name.startswith(WRAPPERS):
        name = name.removeprefix(WRAPPERS[0]).removeprefix(WRAPPERS[1])
    return name


def misfit(path: Path, state: Mapping[str, torch.Tensor], model: str, error: Exception) -> str:
    """Why named tensors don't make a model of DINOv3, as a sentence with what to try."""
    if any(name.startswith(("embeddings.", "model.embeddings.")) for name in state):
        return (
            f"{path} is laid out as Hugging Face transformers does it, which is not supported yet; "
            f"give timm's file (huggingface.co/timm/{model}) or the original .pth"
        )
    size = _size_of(state)
    if size is not None and SIZES[size].timm_name != model:
        return (
            f"{path} doesn't load as {model}: it is DINOv3 {size}; try `dino_size={size}`, or "
            "weights of this model and size"
        )
    known = {"cls_token", "reg_token", "storage_tokens", "patch_embed.proj.weight"}
    if not known & set(state):
        example = min(state)
        return (
            f"{path} holds the weights of another model ({len(state)} tensors such as "
            f"{example[:60]!r}), not of {model}; are they of this model and size?"
        )
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return (
        f"the weights from {path} don't load as {model} ({reason}); "
        "are they whole, and of this model and size?"
    )


def _size_of(state: Mapping[str, torch.Tensor]) -> str | None:
    """The size of DINOv3 whose tensors these are, by the length of its vectors; None for none."""
    token, patch = state.get("cls_token"), state.get("patch_embed.proj.weight")
    registers = state.get("reg_token", state.get("storage_tokens"))
    if token is None or patch is None or registers is None or patch.shape[-1] != 16:
        return None
    sizes = [name for name, size in SIZES.items() if size.dimensions == token.shape[-1]]
    return sizes[0] if len(sizes) == 1 else None
