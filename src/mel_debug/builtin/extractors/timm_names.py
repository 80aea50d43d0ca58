"""Looking up models of timm by name. Importing timm takes seconds."""

import contextlib
import difflib
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import timm
import torch

from mel_debug.builtin.extractors.hub import HUB_FILE, Published
from mel_debug.builtin.extractors.timm_models import create, strides_of
from mel_debug.core.errors import MelError, UsageError, is_out_of_memory, one_line

LIKE = 0.6
"""Similarity of a name from which on it is suggested; `difflib`'s own default."""


@dataclass(frozen=True, slots=True)
class Found:
    """A model of timm: its full name, the strides of its layers, and where its weights are."""

    name: str
    strides: tuple[int, ...]
    published: Published


@functools.cache
def look_up(name: str) -> Found | None:
    """The model of a name, with or without the tag of its weights; None if there is none.

    Raises UsageError for a tag that the model does not have, and MelError for a model that gives no
    grid of features, or only for images of one size.
    """
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        return None
    config = timm.get_pretrained_cfg(architecture)
    if tag:
        tags = [
            one.partition(".")[2] for one in timm.list_models(f"{architecture}.*", pretrained=True)
        ]
        if tag not in tags:
            known = ", ".join(tags) or "none"
            raise UsageError(f"timm's {architecture} has no weights named {tag!r}; it has: {known}")
        config = timm.get_pretrained_cfg(name)
    full = architecture
    if config is not None and config.tag:
        full = f"{architecture}.{config.tag}"
    published = Published(
        config.hf_hub_id if config is not None else None,
        (config.hf_hub_filename if config is not None else None) or HUB_FILE,
    )
    return Found(full, _checked_strides(full), published)


def names() -> Sequence[str]:
    """The names of all models, with the tags of their weights and without."""
    return [*timm.list_models(), *timm.list_models(pretrained=True)]


def _checked_strides(name: str) -> tuple[int, ...]:
    """The strides of a model's layers, after a trial of its shapes with images of another size."""
    with torch.device("meta"), contextlib.redirect_stdout(None):
        model = create(name, pretrained=False).eval()
        strides = strides_of(model)
        step = max(strides)
        images = torch.zeros(1, 3, 2 * step, 3 * step)
    try:
        with torch.no_grad():
            (features,) = model.forward_intermediates(
                images, indices=[len(strides) - 1], stop_early=True, intermediates_only=True
            )
    except Exception as error:  # models raise whatever comes to mind
        if is_out_of_memory(error):
            raise
        raise MelError(
            f"timm:{name} takes no image of {3 * step} x {2 * step} pixels "
            f"({one_line(error).rstrip(';')[:120]}); try a model for images of any size"
        ) from error
    grid = (2 * step // strides[-1], 3 * step // strides[-1])
    if features.ndim != 4 or tuple(features.shape[2:]) != grid:
        raise MelError(
            f"timm:{name} gives features of {tuple(features.shape)}, which are no grid of patches; "
            "try another model"
        )
    return strides


def similar(name: str) -> list[str]:
    """Names that are spelled like a wrong one."""
    return difflib.get_close_matches(name, names(), 3, LIKE)
