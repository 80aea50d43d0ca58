"""The plugin that registers the built-in stages and presets.

It holds only specs; a stage's module is imported when the stage is built.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mel_debug.builtin.extractors import baseline_specs
from mel_debug.builtin.extractors.dinov3_models import MODELS
from mel_debug.builtin.extractors.dinov3_sizes import PATCH, SIZES
from mel_debug.builtin.extractors.timm_specs import (
    FAMILY,
    PREFIX,
    dinov3_model,
    names,
    resolve,
    spec_for,
)
from mel_debug.plugin import (
    BuildOptions,
    ExtractorResolver,
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
    dinov3 = [
        spec_for(
            dinov3_model(size.timm_name),
            f"dinov3-{name}",
            f"DINOv3 {name}: {size.dimensions} dimensions, {PATCH} px patches",
            FAMILY,
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
def mel_extractor_resolvers() -> list[ExtractorResolver]:
    return [
        ExtractorResolver(
            PREFIX,
            "any model of timm that gives a grid of features",
            resolve=resolve,
            offered=tuple(MODELS),
            names=names,
        ),
        ExtractorResolver(
            baseline_specs.PREFIX,
            "classical and other descriptors to compare with",
            resolve=baseline_specs.resolve,
            offered=tuple(baseline_specs.SUMMARIES),
        ),
    ]


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
    from mel_debug.builtin.extractors.releases import release
    from mel_debug.builtin.extractors.xfeat_weights import packaged_weights

    return release("kornia"), options.weights or packaged_weights()


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
