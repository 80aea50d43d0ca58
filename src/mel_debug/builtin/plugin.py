"""The plugin that registers the built-in stages and presets.

It holds only specs; a stage's module is imported when the stage is built.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mel_debug.builtin.extractors.dinov3_sizes import PATCH, SIZES
from mel_debug.plugin import (
    BuildOptions,
    FeatureExtractor,
    Matcher,
    Option,
    OptionValue,
    Preset,
    Renderer,
    StageSpec,
    hookimpl,
)

XFEAT_IMAGE_SIZE = 2048
"""Default image size of XFeat, whose features describe fine detail: at 896 a mole in a photo of 25
megapixels is less than a pixel wide."""


@hookimpl
def mel_extractors() -> list[StageSpec[FeatureExtractor]]:
    dinov3: list[StageSpec[FeatureExtractor]] = [
        StageSpec(
            f"dinov3-{name}",
            f"DINOv3 {name}: {size.dimensions} dimensions, {PATCH} px patches",
            build=partial(_dinov3, size.timm_name),
            patch=PATCH,
            family="dinov3",
            runtimes=("torch", "openvino"),
            precisions=("f32", "bf16"),
            depends_on=partial(_dinov3_depends_on, size.timm_name),
        )
        for name, size in SIZES.items()
    ]
    xfeat: StageSpec[FeatureExtractor] = StageSpec(
        "xfeat",
        "XFeat: 64 dimensions, 8 px patches, no download (needs the extra xfeat)",
        build=_xfeat,
        patch=8,
        image_size=XFEAT_IMAGE_SIZE,
        preset="accurate",
        runtimes=("torch", "openvino", "opencv"),
        depends_on=_xfeat_depends_on,
    )
    return [*dinov3, xfeat]


@hookimpl
def mel_matchers() -> list[StageSpec[Matcher]]:
    return [
        _similarity("cosine", "cosine similarity of feature vectors"),
        _similarity("dot", "dot product of feature vectors"),
        _similarity("euclidean", "negative Euclidean distance"),
        _similarity(
            "softmax",
            "softmax of the cosine similarities over the target",
            Option(
                "temperature", 0.0125, "divides the cosine similarities; lower is sharper", above=0
            ),
        ),
        StageSpec(
            "geometric",
            "a warp field between the photos, then windows around each mole",
            _geometric,
        ),
    ]


@hookimpl
def mel_presets() -> list[Preset]:
    peak: dict[str, OptionValue] = {"place": "peak", "interpolate": True}
    return [
        Preset("fast", "cosine similarity, with positions between cells", "cosine", peak),
        Preset("accurate", "the geometric matcher: slower, and more often right", "geometric"),
    ]


@hookimpl
def mel_renderers() -> list[StageSpec[Renderer]]:
    return [
        StageSpec(
            "heatmap",
            "the target, redder where more similar, with a cross on the match",
            build=_heatmap,
            reads_pixels=False,
        ),
        StageSpec(
            "pair",
            "the source with the mole marked, beside the heatmap, with close-ups",
            build=_pair,
        ),
    ]


def _dinov3(timm_name: str, options: BuildOptions) -> FeatureExtractor:
    # Find the weights first: importing torch takes seconds, and is useless without them.
    from mel_debug.builtin.extractors.hub import find_weights
    from mel_debug.builtin.extractors.runtime import garbage_collection_paused, select_runtime

    runtime = select_runtime(options)
    path = find_weights(timm_name, options)
    with garbage_collection_paused():
        if runtime == "openvino":
            from mel_debug.builtin.extractors import openvino_dinov3

            return openvino_dinov3.build(timm_name, path, options)
        from mel_debug.builtin.extractors import dinov3

        return dinov3.build(timm_name, path, options)


def _dinov3_depends_on(timm_name: str, options: BuildOptions) -> Sequence[str | Path] | None:
    from mel_debug.builtin.extractors.hub import weights_identity
    from mel_debug.builtin.extractors.runtime import select_runtime

    runtime = select_runtime(options)
    weights = weights_identity(timm_name, options)
    if weights is None:
        return None
    # In f32 the runtimes agree; in lower precision each rounds differently.
    rounded = () if options.precision == "f32" else (runtime, _release(runtime))
    return timm_name, _release("timm"), weights, *rounded


def _xfeat(options: BuildOptions) -> FeatureExtractor:
    if options.weights is not None:  # before importing torch, which takes seconds
        from mel_debug.builtin.extractors.weight_files import check_weights

        check_weights(options.weights)
    from mel_debug.builtin.extractors.runtime import garbage_collection_paused, needs_torch

    if not needs_torch(options):
        from mel_debug.builtin.extractors import xfeat_engines

        return xfeat_engines.build(options, options.runtime)
    with garbage_collection_paused():
        from mel_debug.builtin.extractors import xfeat

        return xfeat.build(options)


def _xfeat_depends_on(options: BuildOptions) -> Sequence[str | Path]:
    from mel_debug.builtin.extractors.xfeat_weights import packaged_weights

    return _release("kornia"), options.weights or packaged_weights()


def _release(package: str) -> str:
    """Return a package's name and version: another release may compute different features."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"


def _similarity(metric: str, summary: str, *options: Option) -> StageSpec[Matcher]:
    shared = (
        Option("pool", 1, "average the mole's vector over N x N cells, N odd", minimum=1),
        Option("interpolate", False, "interpolate the mole's vector between cells"),
        Option(
            "place",
            "centre",
            "position of a match: the cell's centre or the peak between cells",
            ("centre", "peak"),
        ),
        Option(
            "views",
            "mean",
            "several sources: their mean vector, or the best of them",
            ("mean", "best"),
        ),
    )
    return StageSpec(
        metric,
        summary,
        build=partial(_build_metric, metric),
        options=options + shared,
        reads_pixels=False,
    )


def _build_metric(metric: str, options: BuildOptions) -> Matcher:
    from mel_debug.builtin.matchers.similarity import build

    return build(metric, options)


def _geometric(options: BuildOptions) -> Matcher:
    from mel_debug.builtin.matchers.geometric.matcher import build

    return build(options.results)


def _heatmap(_options: BuildOptions) -> Renderer:
    from mel_debug.builtin.renderers.heatmap import Heatmap

    return Heatmap()


def _pair(_options: BuildOptions) -> Renderer:
    from mel_debug.builtin.renderers.pair import Pair

    return Pair()
