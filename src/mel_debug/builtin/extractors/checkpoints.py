"""Reading checkpoints as named tensors, with errors that say what is wrong with a file."""

import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mel_debug.builtin.extractors.dinov3_models import MODELS
from mel_debug.builtin.extractors.dinov3_sizes import SIZES
from mel_debug.builtin.extractors.layouts import foreign_layout, layout_of
from mel_debug.builtin.extractors.weight_files import AGAIN, check_weights, is_safetensors
from mel_debug.builtin.extractors.weight_folders import files_of
from mel_debug.core.errors import WeightsError, is_out_of_memory, kind_and_text

HOLDERS = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Keys under which training scripts store the weights beside other values."""

WRAPPERS = ("_orig_mod.", "module.")
"""Prefixes that torch.compile and distributed training add to the names of weights."""


def read_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    """The named tensors of a file, or of the files of a folder that Hugging Face stores models in.

    The format is detected from the content, not the suffix. Runs no code from the file. Raises
    WeightsError, which names the kind of file if it is known.
    """
    state: dict[str, torch.Tensor] = {}
    for file in files_of(path):
        state |= _read(file)
    return state


def _read(path: Path) -> dict[str, torch.Tensor]:
    check_weights(path)
    try:
        if is_safetensors(path):
            from safetensors.torch import load_file

            return _tensors(load_file(path), path)
        # Given a path, torch decides by the suffix; it also warns of files that it then refuses.
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
    """Why torch cannot read a file. Its own message advises to run the code inside it."""
    if isinstance(error, pickle.UnpicklingError):
        return (
            "contains more than tensors, which is not loaded because it could run any code, or it "
            f"is damaged; {AGAIN}, or save only the weights: "
            "torch.save(model.state_dict(), PATH)"
        )
    if isinstance(error, EOFError | struct.error) or "unexpected EOF" in str(error):
        return f"is a torch checkpoint that is cut short or damaged; {AGAIN}"
    return f"can't be read as a checkpoint ({kind_and_text(error)[:200]}); is the file complete?"


def _tensors(checkpoint: Any, path: Path) -> dict[str, torch.Tensor]:
    """The weights of a checkpoint, without other values and prefixes of training scripts."""
    if isinstance(checkpoint, Mapping):
        holder = next((key for key in HOLDERS if isinstance(checkpoint.get(key), Mapping)), None)
        checkpoint = checkpoint if holder is None else checkpoint[holder]
    if not isinstance(checkpoint, Mapping):
        raise WeightsError(
            f"{path} contains a {type(checkpoint).__name__} instead of named tensors; save only "
            "the weights: torch.save(model.state_dict(), PATH)"
        )
    others = [name for name, value in checkpoint.items() if not isinstance(value, torch.Tensor)]
    if others or not checkpoint:
        named = f"such as {str(others[0])[:40]!r}" if others else "or nothing"
        raise WeightsError(
            f"{path} contains values other than named tensors, {named}; save only the weights: "
            "torch.save(model.state_dict(), PATH)"
        )
    return {_without_prefixes(str(name)): value for name, value in checkpoint.items()}


def _without_prefixes(name: str) -> str:
    while name.startswith(WRAPPERS):
        name = name.removeprefix(WRAPPERS[0]).removeprefix(WRAPPERS[1])
    return name


def mismatch_reason(
    path: Path, state: Mapping[str, torch.Tensor], model: str, error: Exception
) -> str:
    """The reason why named tensors do not fit a model of timm, with what to try."""
    foreign = foreign_layout(state)
    if foreign is not None:
        return (
            f"{path} has the layout of {foreign}, which is not converted; give weights of {model} "
            "in the layout of timm"
        )
    size = _size_of(state)
    if size is not None and SIZES[size].timm_name != model:
        return (
            f"{path} doesn't load as {model}: it is DINOv3 {size}; try `dino_size={size}`, or "
            "weights of this model and size"
        )
    example = min(state)
    if layout_of(state) is None and model in MODELS:
        return (
            f"{path} contains the weights of another model ({len(state)} tensors such as "
            f"{example[:60]!r}), in a layout that is not known, not of {model}"
        )
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return (
        f"the weights from {path} don't load as {model} ({reason}); "
        "is the file complete, and of this model and size?"
    )


_PATCHES = ("patch_embed.proj.weight", "embeddings.patch_embeddings.weight")
_REGISTERS = ("reg_token", "storage_tokens", "embeddings.register_tokens")


def _size_of(state: Mapping[str, torch.Tensor]) -> str | None:
    """The DINOv3 size with vectors of this length, if these are tensors of DINOv3; else None."""
    patch = next((state[name] for name in _PATCHES if name in state), None)
    registers = next((state[name] for name in _REGISTERS if name in state), None)
    if patch is None or registers is None or patch.shape[-1] != 16:
        return None
    sizes = [name for name, size in SIZES.items() if size.dimensions == len(patch)]
    return sizes[0] if len(sizes) == 1 else None
