"""The specs of extractors that run models of timm, without importing it for DINOv3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mel_debug.builtin.extractors.dinov3_models import MODELS, WEB, Dinov3Model
from mel_debug.builtin.extractors.image_sizes import ANY_SIZE, Sizes
from mel_debug.builtin.extractors.releases import release
from mel_debug.builtin.extractors.settings import (
    OPTIONS,
    Reading,
    needs_adjusting,
    patch_of,
    reading_of,
)
from mel_debug.core.errors import warn
from mel_debug.core.option import OptionValue
from mel_debug.core.stages import DEFAULT_IMAGE_SIZE, BuildOptions, FeatureExtractor, StageSpec

if TYPE_CHECKING:
    from mel_debug.builtin.extractors.hub import Published

PREFIX = "timm"

FAMILY = "dinov3"
"""The vision transformers of DINOv3 share calibrations."""


@dataclass(frozen=True, slots=True)
class TimmModel:
    """What is known of a model of timm.

    Its full name, the strides of its layers, where its weights are (None for the repository
    `timm/NAME`), the sizes of images that it takes, and whether OpenVINO runs it.
    """

    name: str
    strides: tuple[int, ...]
    published: "Published | None" = None
    sizes: Sizes = ANY_SIZE
    converts: bool = True

    @property
    def image_size(self) -> int:
        """The default image size: a multiple of the coarsest stride."""
        step = max(self.strides)
        return DEFAULT_IMAGE_SIZE // step * step

    @property
    def runtimes(self) -> tuple[str, ...]:
        return ("torch", "openvino") if self.converts else ("torch",)


def spec_for(
    model: TimmModel, name: str, summary: str, family: str | None = None
) -> StageSpec[FeatureExtractor]:
    """The spec of an extractor, called `name`, that runs a model of timm."""
    return StageSpec(
        name,
        summary,
        build=partial(_build, model),
        options=OPTIONS,
        patch=partial(_patch, model.strides),
        image_size=model.image_size,
        family=family,
        runtimes=model.runtimes,
        precisions=("f32", "bf16"),
        depends_on=partial(_depends_on, model),
        # Measured for DINOv3 only.
        auto_precision=_auto_precision if family == FAMILY else None,
    )


def dinov3_model(timm_name: str) -> TimmModel:
    """The model of DINOv3 with a full name of timm."""
    return TimmModel(timm_name, MODELS[timm_name].strides)


def resolve(name: str) -> StageSpec[FeatureExtractor] | None:
    """The spec of the timm model of a name; None if there is none.

    Raises UsageError for a wrong tag, and MelError for a model without a grid of features.
    """
    dinov3 = MODELS.get(name) or MODELS.get(f"{name}.{WEB}")
    if dinov3 is not None:
        return _dinov3(dinov3)
    from mel_debug.builtin.extractors.runtime import garbage_collection_paused

    with garbage_collection_paused():
        from mel_debug.builtin.extractors.timm_names import look_up

        found = look_up(name)
    if found is None:
        return None
    model = TimmModel(found.name, found.strides, found.published, found.sizes, found.converts)
    summary = f"{found.name} of timm, a vector for each {found.strides[-1]} px"
    if found.sizes.tile is not None:
        height, width = found.sizes.tile
        summary += f", in tiles of {width} x {height} px"
    return spec_for(model, f"{PREFIX}:{found.name}", summary)


def names() -> Sequence[str]:
    """The names of all models of timm."""
    from mel_debug.builtin.extractors.timm_names import names

    return names()


def _dinov3(model: Dinov3Model) -> StageSpec[FeatureExtractor]:
    family = None if model.is_convolutional or model.training != WEB else FAMILY
    summary = f"DINOv3 trained on {model.training}, a vector for each {model.strides[-1]} px"
    return spec_for(dinov3_model(model.name), f"{PREFIX}:{model.name}", summary, family)


def _auto_precision(options: BuildOptions) -> str:
    from mel_debug.builtin.extractors.runtime import auto_precision

    return auto_precision(options)


def _patch(strides: tuple[int, ...], values: Mapping[str, OptionValue]) -> int:
    return patch_of(values, strides)


def _build(model: TimmModel, options: BuildOptions) -> FeatureExtractor:
    # Find the weights first: importing torch takes seconds, and is useless without them.
    from mel_debug.builtin.extractors.hub import find_weights
    from mel_debug.builtin.extractors.runtime import garbage_collection_paused

    reading = reading_of(options.values, len(model.strides))
    runtime = _runtime(model, options)
    path = find_weights(model.name, options, model.published)
    with garbage_collection_paused():
        built: FeatureExtractor | None = None
        if runtime == "openvino":
            built = _on_openvino(model, path, reading, options)
        if built is None:
            from mel_debug.builtin.extractors import timm_models

            built = timm_models.build(model.name, path, reading, options, model.sizes)
    if not needs_adjusting(options.values):
        return built
    from mel_debug.builtin.extractors.adjusted import adjusted

    return adjusted(built, options.values)


def _on_openvino(
    model: TimmModel, path: Path | None, reading: Reading, options: BuildOptions
) -> FeatureExtractor | None:
    """The converted model; None, with a warning, if it can't be converted.

    Raises ConversionError instead if OpenVINO is requested.
    """
    from mel_debug.builtin.extractors import openvino_models
    from mel_debug.builtin.extractors.graphs import ConversionError

    try:
        return openvino_models.build(model.name, path, reading, options, model.published)
    except ConversionError as error:
        if options.runtime == "openvino":
            raise
        warn(f"{error.reason}, so {model.name} runs on torch")
        return None


def _runtime(model: TimmModel, options: BuildOptions) -> str:
    from mel_debug.builtin.extractors.runtime import select_runtime

    return select_runtime(options) if "openvino" in model.runtimes else "torch"


def _depends_on(model: TimmModel, options: BuildOptions) -> Sequence[str | Path] | None:
    from mel_debug.builtin.extractors.hub import weights_identity

    runtime = _runtime(model, options)
    weights = weights_identity(model.name, options, model.published)
    if weights is None:
        return None
    # In f32 the runtimes agree; in lower precision each rounds differently.
    rounded = () if options.precision == "f32" else (runtime, release(runtime))
    return model.name, release("timm"), *weights, *rounded
