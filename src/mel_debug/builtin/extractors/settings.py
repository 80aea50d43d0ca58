"""The options of the extractors that run models of timm, without importing timm.

All are off by default or as published. Sources:

- `layer`: what the features of a layer encode, and how much of the position, changes from layer to
  layer (Amir et al. 2021, arXiv 2112.05814). Which layer suits moles has not been measured.
- `norm`: Meta's `get_intermediate_layers` applies the final norm to every layer by default.
- `debias`: INSID3 (Cuttano et al. 2026, arXiv 2603.28480, and github.com/visinf/INSID3).
- `drop_outliers`: setting a few dimensions to zero is this project's own way. That layers have
  dimensions of very large values is said to be described in an appendix of DINOv3 (Simeoni et al.
  2025, arXiv 2508.10104); this was not checked.
- `scales`: averaging features over image sizes is common test-time augmentation.
- `upsample`: interpolating features before the maximum is taken is common practice; no source.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mel_debug.core.errors import UsageError
from mel_debug.core.option import Option, OptionValue

OPTIONS = (
    Option(
        "layer",
        "-1",
        "layers to take features from: 0 is the first, -1 the last; several, as in -1,-4, are "
        "concatenated",
    ),
    Option(
        "norm",
        True,
        "apply the model's final norm to the features, also of earlier layers, as Meta does",
    ),
    Option(
        "debias",
        0,
        "project out N components that features of a blank image have in common, which encode the "
        "position (INSID3); 20 suits base",
        minimum=0,
    ),
    Option(
        "drop_outliers",
        0,
        "set the N dimensions to zero that are largest in every image; for earlier layers",
        minimum=0,
    ),
    Option("scales", "1", "average features over images scaled by these factors, as in 0.8,1,1.25"),
    Option(
        "upsample",
        1,
        "interpolate features to N times as many rows and columns, bicubically",
        minimum=1,
    ),
)

MOST_SCALE = 8.0
"""A larger factor takes more memory than machines have."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Which layers of a model are read: counted from 0, ascending, each once."""

    layers: tuple[int, ...]
    norm: bool


def reading_of(values: Mapping[str, OptionValue], layers: int) -> Reading:
    """The reading that option values describe, of a model with a number of layers.

    Raises UsageError for a layer that the model does not have.
    """
    text = str(values["layer"])
    parts = text.replace(" ", "").split(",")
    if not all(re.fullmatch(r"[+-]?[0-9]{1,4}", part) for part in parts):
        raise UsageError(f"option 'layer' takes whole numbers such as -1 or -1,-4, not {text!r}")
    numbers = [int(part) for part in parts]
    wrong = [number for number in numbers if not -layers <= number < layers]
    if wrong:
        raise UsageError(
            f"option 'layer' lies between {-layers} and {layers - 1} for this model, "
            f"not at {wrong[0]}"
        )
    return Reading(tuple(sorted({number % layers for number in numbers})), bool(values["norm"]))


def patch_of(values: Mapping[str, OptionValue], strides: Sequence[int]) -> int:
    """The scaled pixels between two vectors: those of the finest layer that is read.

    `strides` are the model's, by layer. Raises UsageError for a wrong layer, or an `upsample` that
    does not divide the stride.
    """
    stride = min(strides[layer] for layer in reading_of(values, len(strides)).layers)
    factor = int(values["upsample"])
    if stride % factor:
        fitting = ", ".join(str(n) for n in range(1, stride + 1) if stride % n == 0)
        raise UsageError(
            f"option 'upsample' must divide the {stride} px patch, as do {fitting}; not {factor}"
        )
    return stride // factor


def scales_of(values: Mapping[str, OptionValue]) -> tuple[float, ...]:
    """The factors by which images are scaled. Raises UsageError for a text without such."""
    text = str(values["scales"])
    try:
        scales = tuple(float(part) for part in text.split(","))
    except ValueError:
        scales = ()
    if not scales or not all(0 < scale <= MOST_SCALE for scale in scales):
        raise UsageError(
            f"option 'scales' takes factors above 0 and up to {MOST_SCALE:g}, such as 0.8,1,1.25, "
            f"not {text!r}"
        )
    return scales


def needs_adjusting(values: Mapping[str, OptionValue]) -> bool:
    """Whether any option changes features after the model has computed them.

    Raises UsageError like `scales_of`.
    """
    is_on = any(values[name] for name in ("debias", "drop_outliers"))
    return is_on or values["upsample"] != 1 or set(scales_of(values)) != {1.0}
