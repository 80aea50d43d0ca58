"""Laws of the six functions for notebooks: they agree with the stages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from hypothesis import given
from hypothesis import strategies as st

import mel_debug
from mel_debug import (
    compute_cosine_similarities,
    extract_all_patch_features,
    extract_mole_patch_feature,
    load_dinov3_model,
    render_heatmap,
    scale_image_to_fit,
)
from mel_debug.core.errors import MelError, UsageError, WeightsError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.locate import locate
from strategies import seeds
from tolerance import assert_same_picture
from workbench import Dinov3Weights, cache_of, extractor, matcher, renderer, run_python, skin

IMAGE_SIZE = 112
SOURCE = skin(150, 100, seed=1)
MOLE = Point(91.5, 33.5)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, dinov3_small: Dinov3Weights) -> Any:
    """The model that the recipe loads when the weights are in the cache."""
    cache = cache_of(tmp_path_factory.mktemp("cache"), dinov3_small)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_CACHE", str(cache))
        model, dimensions = load_dinov3_model("small")
    assert dimensions == 384
    return model


@pytest.mark.slow
def test_the_six_functions_agree_with_the_stages(model: Any, dinov3_small: Dinov3Weights) -> None:
    """The same features, similarities and picture as `dino3-map`, step by step."""
    ours = extractor("dinov3-small", dinov3_small.safetensors)
    photo = Photo.of(SOURCE)
    located = locate(
        {"m": [(photo, MOLE)]}, photo, PhotoFeatures(ours, IMAGE_SIZE), matcher("cosine")
    )
    (query,), (match,) = located.queries, located.matches

    scaled, (scale_x, scale_y) = scale_image_to_fit(SOURCE, IMAGE_SIZE)
    every = extract_all_patch_features(scaled, model)
    mole = extract_mole_patch_feature(scaled, MOLE.x * scale_x, MOLE.y * scale_y, model)
    similarities = compute_cosine_similarities(mole, every)
    picture = render_heatmap(SOURCE, similarities, *scaled.shape[:2])

    vectors = located.target.vectors
    assert np.array_equal(scaled, photo.scaled(match.grid.scaled))
    assert np.allclose(every.numpy(), vectors.reshape(-1, 384), rtol=1e-4, atol=1e-4)
    assert np.allclose(mole.numpy(), located.target.at(MOLE), rtol=1e-4, atol=1e-4)
    assert np.allclose(similarities.numpy(), match.scores.ravel(), atol=1e-5)
    expected = renderer("heatmap").render(query, located.target, match)
    off = np.abs(picture[..., ::-1].astype(int) - expected).max(axis=-1)
    # Only the crosses differ: that of `dino3-map` leaves the mole visible.
    place = match.grid.to_scaled(match.best)
    rows, columns = np.nonzero(off > 1)
    assert (np.abs(rows - place.y) <= 21).all()
    assert (np.abs(columns - place.x) <= 21).all()
    assert len(rows) < 2 * 3 * 41


def test_the_scaled_image_is_what_the_factors_say() -> None:
    """Sides divide by 16, and each axis has its own true factor."""
    scaled, (scale_x, scale_y) = scale_image_to_fit(SOURCE, IMAGE_SIZE)
    assert scaled.shape == (64, 112, 3)
    assert scaled.dtype == np.uint8
    assert scale_x == pytest.approx(112 / 150)
    assert scale_y == pytest.approx(64 / 100)


@given(seeds, st.integers(1, 20), st.integers(1, 40))
def test_cosine_is_torchs_cosine_similarity(seed: int, patches: int, dimensions: int) -> None:
    """One number a patch, as torch computes it."""
    generator = torch.Generator().manual_seed(seed)
    mole = torch.randn(dimensions, generator=generator)
    every = torch.randn(patches, dimensions, generator=generator)
    similarities = compute_cosine_similarities(mole, every)
    expected = torch.nn.functional.cosine_similarity(mole[None], every, dim=1)
    assert similarities.shape == (patches,)
    assert torch.allclose(similarities, expected, atol=1e-5)


def test_the_heatmap_is_bgr() -> None:
    """Similar patches are red, which is the last channel for OpenCV."""
    similarities = torch.tensor([0.0, 0.1, 0.2, 1.0, 0.1, 0.2, 0.9, 0.1])
    picture = render_heatmap(np.full((32, 64, 3), 100, dtype=np.uint8), similarities, 32, 64)
    assert picture.shape == (32, 64, 3)
    blue, green, red = picture[31, 47].tolist()
    assert red > blue == green == 70
    assert picture[8, 56].tolist() == [0, 255, 0]


def test_the_heatmap_takes_the_photo_at_any_size() -> None:
    """An image that is not scaled yet is scaled to the similarities' own size."""
    similarities = torch.arange(28, dtype=torch.float32)
    picture = render_heatmap(SOURCE, similarities, 64, 112)
    scaled, _ = scale_image_to_fit(SOURCE, IMAGE_SIZE)
    assert_same_picture(picture, render_heatmap(scaled, similarities, 64, 112))


def test_an_image_that_was_not_scaled_to_whole_patches_is_refused(model: Any) -> None:
    """Its last patches would be cut off silently."""
    for attempt in (
        lambda: extract_all_patch_features(SOURCE, model),
        lambda: extract_mole_patch_feature(SOURCE, 5, 5, model),
        lambda: render_heatmap(SOURCE, torch.zeros(54), 100, 150),
    ):
        with pytest.raises(UsageError, match="150 x 100 has no whole 16 px patches"):
            attempt()


@pytest.mark.slow
@pytest.mark.parametrize("convert", [str, Path])
def test_weights_of_a_file_are_loaded_without_a_network(
    model: Any, dinov3_small: Dinov3Weights, convert: Callable[[Path], Any]
) -> None:
    """From a path or its text, in either format: the same model as from the cache."""
    scaled, _ = scale_image_to_fit(SOURCE, IMAGE_SIZE)
    expected = extract_all_patch_features(scaled, model).numpy()
    for path in (dinov3_small.safetensors, dinov3_small.pth):
        loaded, dimensions = load_dinov3_model("small", weights=convert(path), offline=True)
        assert dimensions == 384
        assert np.allclose(
            extract_all_patch_features(scaled, loaded).numpy(), expected, rtol=1e-4, atol=1e-4
        )


def test_errors_name_no_flag(tmp_path: Path, dinov3_small: Dinov3Weights, model: Any) -> None:
    """They say what a caller in Python can do, in one line."""
    text = tmp_path / "weights.pth"
    text.write_text("not weights")
    grey = np.zeros((64, 112), np.uint8)
    calls: list[Callable[[], object]] = [
        lambda: load_dinov3_model("medium"),
        lambda: load_dinov3_model("small", weights=text),
        lambda: load_dinov3_model("small", weights=tmp_path / "none.pth"),
        lambda: load_dinov3_model("small", weights=tmp_path),
        lambda: load_dinov3_model("base", weights=dinov3_small.safetensors),
        lambda: scale_image_to_fit(SOURCE, 100),
        lambda: scale_image_to_fit(grey, IMAGE_SIZE),
        lambda: scale_image_to_fit(SOURCE / 255, IMAGE_SIZE),  # type: ignore[arg-type]
        lambda: extract_all_patch_features(SOURCE, model),
        lambda: render_heatmap(SOURCE, torch.zeros(5), 64, 112),
    ]
    for call in calls:
        with pytest.raises(MelError) as caught:
            call()
        assert "--" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_unknown_size_lists_the_sizes_there_are() -> None:
    """Before anything is looked for."""
    with pytest.raises(UsageError, match="try one of: small, base, large, huge, 7b"):
        load_dinov3_model("medium")


def test_missing_weights_are_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It neither waits for a network that may not be used nor starts with random weights."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="no weights for vit_small") as caught:
        load_dinov3_model("small")
    assert "--" not in str(caught.value)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(WeightsError, match="no weights for vit_small"):
        load_dinov3_model("small", offline=True)


@pytest.mark.slow
def test_importing_the_package_imports_nothing_heavy() -> None:
    """Names can be listed; modules are imported on first use of a name."""
    code = """
import sys
import mel_debug
heavy = [name for name in ("numpy", "torch", "timm", "PIL", "click") if name in sys.modules]
print(heavy, sorted(mel_debug.__all__))
"""
    outcome = run_python("-c", code)
    assert outcome.stdout == f"[] {sorted(mel_debug.__all__)}\n", outcome


def test_a_name_that_is_not_there_is_an_ordinary_error() -> None:
    """A misspelt import fails as in any package."""
    with pytest.raises(AttributeError, match="no attribute 'render_heatmaps'"):
        _ = mel_debug.render_heatmaps
