"""Laws of the options that change features, with toy extractors."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.extractors.adjusted import (
    Debiased,
    Scaled,
    Upsampled,
    WithoutOutliers,
    adjusted,
)
from mel_debug.builtin.extractors.settings import (
    OPTIONS,
    Reading,
    needs_adjusting,
    patch_of,
    reading_of,
    scales_of,
)
from mel_debug.core.errors import UsageError
from mel_debug.core.option import OptionValue
from mel_debug.core.stages import StageSpec
from mel_debug.core.types import Colour, Pixels, Vectors
from mel_debug.testing import check_extractor
from tolerance import ROUNDING, relative_error
from workbench import PatchColours, skin

DEFAULTS = {option.name: option.default for option in OPTIONS}


@dataclass(frozen=True)
class Positional:
    """Colours of patches, with an additive code of the row and the column, and an outlier."""

    patch: int = 8
    mean_colour: Colour = (128, 128, 128)
    outlier: float = 0.0

    def extract(self, images: Pixels) -> Vectors:
        colours = PatchColours(self.patch).extract(images)
        count, rows, columns, _ = colours.shape
        place = np.zeros((count, rows, columns, 5), np.float32)
        place[..., 0] = 40 * np.sin(np.arange(rows))[:, np.newaxis]
        place[..., 1] = 40 * np.cos(np.arange(columns) / 2)
        place[..., 2] = 25
        place[..., 4] = self.outlier
        return np.concatenate([colours, place], axis=-1)


def test_all_off_is_the_extractor_itself() -> None:
    """No option costs anything by default."""
    plain = PatchColours()
    assert not needs_adjusting(DEFAULTS)
    assert adjusted(plain, DEFAULTS) is plain


def test_the_features_of_a_blank_image_vanish_under_debiasing() -> None:
    """With as many components as the position has directions, on each shape of grid."""
    debiased = Debiased(Positional(), 8)
    for size in ((40, 64), (64, 40)):
        blank = np.full((2, *size, 3), 128, np.uint8)
        assert np.abs(debiased.inner.extract(blank)).max() > 20
        assert np.abs(debiased.extract(blank)).max() < 1e-3


def test_debiasing_leaves_what_is_not_position() -> None:
    """Colours at two positions are equal again, and their directions stay."""
    debiased = Debiased(Positional(), 8)
    tile = skin(8, 8, 3)
    vectors = debiased.extract(np.tile(tile, (1, 5, 6, 1)))
    assert relative_error(vectors, np.broadcast_to(vectors[:, :1, :1], vectors.shape)) < 1e-4
    plain = PatchColours().extract(tile[np.newaxis])
    assert relative_error(vectors[0, 0, 0, :24], plain[0, 0, 0]) < 1e-4


def test_the_basis_of_a_grid_is_orthonormal_and_computed_once() -> None:
    """The blank image is extracted once for each size."""
    calls = []

    class Counting(Positional):
        def extract(self, images: Pixels) -> Vectors:
            calls.append(images.shape)
            return super().extract(images)

    debiased = Debiased(Counting(), 2)
    for _ in range(2):
        debiased.extract(skin(64, 40)[np.newaxis])
    assert len(calls) == 3
    basis = debiased.basis(40, 64)
    assert np.allclose(basis @ basis.T, np.eye(2), atol=1e-5)


def test_an_outlier_dimension_is_dropped_and_others_stay() -> None:
    """The same one for every image."""
    one = WithoutOutliers(Positional(outlier=1e4), 1)
    image = skin(64, 40, 2)[np.newaxis]
    vectors, plain = one.extract(image), Positional(outlier=1e4).extract(image)
    assert list(one.outliers) == [28]
    assert not vectors[..., 28].any()
    assert np.array_equal(vectors[..., :28], plain[..., :28])


def test_one_dimension_remains_however_many_are_dropped() -> None:
    """A vector of zeros has no direction."""
    vectors = WithoutOutliers(PatchColours(), 1000).extract(skin(64, 40)[np.newaxis])
    assert np.unique(np.nonzero(vectors)[-1]).size == 1


def test_a_scale_of_one_gives_the_direction_of_the_vectors() -> None:
    """Averaging unit vectors with themselves changes none."""
    image = skin(64, 40, 2)[np.newaxis]
    plain = PatchColours().extract(image)
    unit = plain / np.linalg.norm(plain, axis=-1, keepdims=True)
    assert relative_error(Scaled(PatchColours(), (1.0, 1.0)).extract(image), unit) <= ROUNDING


def test_several_scales_of_one_colour_give_its_vector() -> None:
    """Whatever the scales, on the grid of the image."""
    image = np.full((1, 40, 64, 3), (200, 120, 90), np.uint8)
    scaled = Scaled(PatchColours(), (0.5, 1.0, 1.7)).extract(image)
    plain = PatchColours().extract(image)
    unit = plain / np.linalg.norm(plain, axis=-1, keepdims=True)
    assert scaled.shape == plain.shape
    assert relative_error(scaled, unit) <= ROUNDING


def test_upsampling_keeps_the_vectors_at_the_centres_of_patches() -> None:
    """Bicubic interpolation passes through its points: three times finer, the middle is equal."""

    class Coarse(PatchColours):
        pass

    image = skin(72, 48, 4)[np.newaxis]
    coarse = Coarse(patch=24)
    fine = Upsampled(coarse, 3)
    assert fine.patch == 8
    vectors = fine.extract(image)
    assert vectors.shape[:3] == (1, 6, 9)
    assert relative_error(vectors[:, 1::3, 1::3], coarse.extract(image)) <= ROUNDING


def test_upsampling_keeps_a_constant() -> None:
    """Weights sum to 1, also at the border."""
    image = np.full((1, 48, 64, 3), (200, 120, 90), np.uint8)
    vectors = Upsampled(PatchColours(patch=16), 4).extract(image)
    assert relative_error(vectors, np.broadcast_to(vectors[:, :1, :1], vectors.shape)) <= ROUNDING


@pytest.mark.parametrize(
    "values",
    [
        {"debias": 3},
        {"drop_outliers": 2},
        {"scales": "0.7,1,1.3"},
        {"upsample": 2},
        {"debias": 2, "scales": "1,1.5", "upsample": 4, "drop_outliers": 1},
    ],
    ids=str,
)
def test_a_changed_extractor_passes_the_conformance_checks(values: dict[str, OptionValue]) -> None:
    """Alone and together."""
    options = tuple(option for option in OPTIONS if option.name not in ("layer", "norm"))
    spec = StageSpec(
        "toy",
        "toy",
        build=lambda given: adjusted(Positional(), given.values),
        options=options,
        patch=lambda given: 8 // int(given["upsample"]),
    )
    values_of_all = {option.name: option.default for option in options} | values

    def build(_: object) -> object:
        return adjusted(Positional(), values_of_all)

    fixed = StageSpec("toy", "toy", build=build, patch=8 // int(str(values_of_all["upsample"])))
    assert spec.patch_for(spec.values(values)) == fixed.patch
    check_extractor(fixed)  # type: ignore[arg-type]


@given(st.lists(st.integers(-12, 11), min_size=1, max_size=4))
@settings(max_examples=50)
def test_layers_count_from_either_end(numbers: list[int]) -> None:
    """Each once, ascending."""
    text = ",".join(map(str, numbers))
    reading = reading_of({**DEFAULTS, "layer": text}, 12)
    assert reading.layers == tuple(sorted({number % 12 for number in numbers}))


@pytest.mark.parametrize("text", ["12", "-13", "last", "", "1,,2", "1.5"])
def test_a_wrong_layer_is_a_usage_error(text: str) -> None:
    """With what is allowed."""
    with pytest.raises(UsageError, match="'layer'"):
        reading_of({**DEFAULTS, "layer": text}, 12)


def test_the_patch_is_that_of_the_finest_layer_and_divides_by_the_factor() -> None:
    """Of a model whose layers have strides of 4 to 32."""
    strides = (4, 8, 16, 32)
    assert patch_of(DEFAULTS, strides) == 32
    assert patch_of({**DEFAULTS, "layer": "-1,-3"}, strides) == 8
    assert patch_of({**DEFAULTS, "upsample": 4}, strides) == 8
    with pytest.raises(UsageError, match="must divide the 32 px patch, as do 1, 2, 4, 8, 16, 32"):
        patch_of({**DEFAULTS, "upsample": 3}, strides)


@pytest.mark.parametrize("text", ["", "0", "-1", "1,x", "9", "nan"])
def test_wrong_scales_are_a_usage_error(text: str) -> None:
    """With an example."""
    with pytest.raises(UsageError, match=r"'scales' takes factors.*0\.8,1,1\.25"):
        scales_of({**DEFAULTS, "scales": text})


def test_the_default_reads_the_last_layer_with_the_norm() -> None:
    """As before there were options."""
    assert reading_of(DEFAULTS, 12) == Reading((11,), norm=True)
