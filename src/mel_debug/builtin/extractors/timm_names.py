"""Looking up models of timm by name. Importing timm takes seconds."""

import difflib
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import timm

from mel_debug.builtin.extractors.hub import HUB_FILE, Published
from mel_debug.builtin.extractors.image_sizes import Sizes
from mel_debug.builtin.extractors.timm_trials import trial
from mel_debug.core.errors import UsageError

LIKE = 0.6
"""Similarity of a name from which on it is suggested; `difflib`'s own default."""

CONVERTIBLE = frozenset(
    {
        "byobnet",
        "convnext",
        "cspnet",
        "davit",
        "deit",
        "densenet",
        "dla",
        "edgenext",
        "efficientnet",
        "efficientvit_mit",
        "fasternet",
        "fastvit",
        "focalnet",
        "ghostnet",
        "hgnet",
        "hrnet",
        "metaformer",
        "mobilenetv3",
        "mvitv2",
        "nfnet",
        "pvt_v2",
        "rdnet",
        "regnet",
        "repvit",
        "res2net",
        "resnet",
        "resnetv2",
        "rexnet",
        "sknet",
        "starnet",
        "swin_transformer",
        "vgg",
        "vision_transformer",
        "vovnet",
        "xception_aligned",
    }
)
"""Modules of timm of which a model was converted to OpenVINO with features that agree with torch.

One of each, for images of other sizes than that of its trace; each conversion checks this again.
The others compute something from the size of the image in Python, which a graph does not contain,
or were not tried.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a model of timm.

    Its full name, the strides of its layers, the sizes of images that it takes, where its weights
    are, and whether OpenVINO runs it.
    """

    name: str
    strides: tuple[int, ...]
    sizes: Sizes
    published: Published
    converts: bool


@functools.cache
def look_up(name: str) -> Found | None:
    """The model of a name, with or without the tag of its weights; None if there is none.

    Raises UsageError for a tag that the model does not have, and MelError for a model that gives no
    grid of features.
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
    strides, sizes = trial(full)
    # OpenVINO is given whole steps of the strides only.
    converts = _module_of(architecture) in CONVERTIBLE and sizes == Sizes(max(strides))
    return Found(full, strides, sizes, published, converts)


def _module_of(architecture: str) -> str:
    module = timm.models.model_entrypoint(architecture).__module__
    return str(module).rpartition(".")[2]


def names() -> Sequence[str]:
    """The names of all models, with the tags of their weights and without."""
    return [*timm.list_models(), *timm.list_models(pretrained=True)]


def similar(name: str) -> list[str]:
    """Names that are spelled like a wrong one."""
    return difflib.get_close_matches(name, names(), 3, LIKE)
