"""Any model of timm: its own features, layers, sizes and errors."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from extras import needs_openvino
from mel_debug.builtin.extractors import runtime
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.builtin.extractors.timm_models import TimmExtractor, create
from mel_debug.builtin.extractors.timm_reader import FeatureReader
from mel_debug.cache.artifacts import ArtifactStore
from mel_debug.cache.digests import Digests
from mel_debug.core.errors import MelError, UsageError, WeightsError, recorded_warnings
from mel_debug.core.stages import BuildOptions, FeatureExtractor
from mel_debug.core.types import Vectors
from mel_debug.plugins.registry import load_registry
from mel_debug.testing import check_extractor
from models import normalised, weights_of
from tolerance import ROUNDING, relative_error
from workbench import Dinov3Weights, make_scene, run, skin

CONVNEXT = "timm:convnext_tiny.dinov3_lvd1689m"
PLUS = "timm:vit_small_plus_patch16_dinov3.lvd1689m"
DINOV2 = "timm:vit_small_patch14_dinov2.lvd142m"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Seeded weights by name, each made once."""
    folder = tmp_path_factory.mktemp("models")
    return {
        name: weights_of(name.removeprefix("timm:"), folder / f"{number}.safetensors")
        for number, name in enumerate((CONVNEXT, PLUS, DINOV2))
    }


def built(name: str, weights: Path, **options: Any) -> FeatureExtractor:
    """The extractor of a name in torch, unless `runtime` says otherwise."""
    build = {name: options.pop(name) for name in ("runtime", "artifacts") if name in options}
    given = BuildOptions("cpu", weights, offline=True, **{"runtime": "torch", **build})
    return load_registry().extractor(name).create(given, **options)


def timms_own(name: str, weights: Path) -> Any:
    """The same weights in a model built by timm alone."""
    model = timm.create_model(
        name.removeprefix("timm:"), pretrained=False, num_classes=0, **_sizes(name)
    )
    model.load_state_dict(load_file(weights))
    return model.eval()


def _sizes(name: str) -> dict[str, bool]:
    return {"dynamic_img_size": True} if name == DINOV2 else {}


def tokens_of(model: Any, images: Any) -> Vectors:
    """`forward_features` without prefix tokens, by rows."""
    with torch.inference_mode():
        tokens = model.forward_features(normalised(images))
    result: Vectors = tokens[:, model.num_prefix_tokens :].numpy()
    return result


@pytest.mark.slow
@pytest.mark.parametrize(("name", "patch"), [(PLUS, 16), (DINOV2, 14)])
def test_the_default_is_timms_forward_features(
    files: dict[str, Path], name: str, patch: int
) -> None:
    """Without prefix tokens, at a size beyond training, with position embeddings fitted by timm."""
    images = np.stack([skin(6 * patch, 4 * patch, seed) for seed in (1, 2)])
    extractor = built(name, files[name])
    vectors = extractor.extract(images)
    assert extractor.patch == patch
    assert vectors.shape == (2, 4, 6, 384)
    expected = tokens_of(timms_own(name, files[name]), images).reshape(vectors.shape)
    assert relative_error(vectors, expected) <= ROUNDING


@pytest.mark.slow
def test_convnext_applies_its_norm_to_each_patch(files: dict[str, Path]) -> None:
    """The norm is that of timm's head, and off on request; layers have grids of their own."""
    images = skin(96, 64, 3)[np.newaxis]
    model = timms_own(CONVNEXT, files[CONVNEXT])
    with torch.inference_mode():
        raw = model.forward_features(normalised(images))
        norm = model.head.norm(raw).permute(0, 2, 3, 1).numpy()
    vectors = built(CONVNEXT, files[CONVNEXT]).extract(images)
    assert vectors.shape == (1, 2, 3, 768)
    assert relative_error(vectors, norm) <= ROUNDING
    plain = built(CONVNEXT, files[CONVNEXT], norm=False).extract(images)
    assert relative_error(plain, raw.permute(0, 2, 3, 1).numpy()) <= ROUNDING
    both = built(CONVNEXT, files[CONVNEXT], layer="-1,-2")
    assert both.patch == 16
    assert both.extract(images).shape == (1, 4, 6, 768 + 384)
    assert both.extract(images[:, :48, :80]).shape == (1, 3, 5, 768 + 384)


@pytest.mark.slow
def test_layers_are_those_of_timms_intermediates(dinov3_small: Dinov3Weights) -> None:
    """In any spelling, with the norm and without; the last one with the norm is the default."""
    images = skin(64, 48, 1)[np.newaxis]
    name = f"timm:{dinov3_small.timm_name}"
    model = timms_own(name, dinov3_small.safetensors)
    extractor = TimmExtractor(model)
    for reading in (Reading((8, 11), norm=True), Reading((8, 11), norm=False)):
        with torch.inference_mode():
            maps = model.forward_intermediates(
                normalised(images), indices=[8, 11], norm=reading.norm, intermediates_only=True
            )
        expected = torch.cat(maps, dim=1).permute(0, 2, 3, 1).numpy()
        vectors = TimmExtractor(model, reading).extract(images)
        assert relative_error(vectors, expected) <= ROUNDING
    last = TimmExtractor(model, Reading((11,), norm=True)).extract(images)
    assert np.array_equal(last, extractor.extract(images))
    assert relative_error(last, tokens_of(model, images).reshape(last.shape)) <= ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "vit_tiny_patch16_224",
        "eva02_tiny_patch14_224",
        "convnext_atto",
        "swin_tiny_patch4_window7_224",
        "resnet18",
        "efficientnet_b0",
        "mobilenetv3_small_050",
    ],
)
def test_models_of_many_families_give_a_vector_for_each_patch(name: str) -> None:
    """Of one layer, and of two; shapes only, on the meta device."""
    with torch.device("meta"):
        model = create(name, pretrained=False).eval()
        for layers in ((-1,), (-2, -1)):
            reader = FeatureReader(model, Reading(layers, norm=True))
            images = torch.zeros(1, 3, 3 * reader.step, 5 * reader.step)
            with torch.no_grad():
                features = reader(images)
            cells = 15 * (reader.step // reader.patch) ** 2
            assert features.flatten(1, -2).shape[1] == cells


@pytest.mark.slow
@pytest.mark.parametrize("name", [CONVNEXT, DINOV2])
def test_a_timm_model_passes_the_conformance_checks(files: dict[str, Path], name: str) -> None:
    """Those of every extractor."""
    options = BuildOptions("cpu", files[name], offline=True, runtime="torch")
    check_extractor(load_registry().extractor(name), options)


@pytest.mark.slow
@needs_openvino
@pytest.mark.parametrize(
    ("name", "options"),
    [
        (PLUS, {}),
        (PLUS, {"layer": "-1,-4", "norm": False}),
        (CONVNEXT, {"layer": "-1,-3"}),
        (DINOV2, {}),
    ],
)
def test_openvino_gives_the_features_of_torch(
    files: dict[str, Path], name: str, options: dict[str, Any]
) -> None:
    """For a gated transformer, layers, convolutions and learned positions; for several sizes."""
    torchs = built(name, files[name], **options)
    graph = built(name, files[name], runtime="openvino", **options)
    assert (graph.patch, graph.mean_colour) == (torchs.patch, torchs.mean_colour)
    for rows, columns in ((2, 3), (5, 4)):
        size = (2 * graph.patch * columns, graph.patch * rows)
        images = np.stack([skin(*size, seed) for seed in (1, 2)])
        assert relative_error(graph.extract(images), torchs.extract(images)) <= ROUNDING


@pytest.mark.slow
@pytest.mark.parametrize("name", ["eva02_tiny_patch14_224", "test_vit_relpos", "mobilevitv2_050"])
def test_openvino_says_which_models_it_does_not_run(tmp_path: Path, name: str) -> None:
    """Those whose embeddings are computed in Python, and those with sizes of their own."""
    spec = load_registry().extractor(f"timm:{name}")
    assert spec.runtimes == ("torch",)
    scene = make_scene(tmp_path)
    outcome = run(*scene.arguments("--extractor", f"timm:{name}", "--runtime", "openvino"))
    assert "does not run with --runtime openvino; try one of: auto, torch" in outcome.error


def _scaled(features: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """By a number that Python computes from the size, so that a graph has that of its trace."""
    return features * float(int(x.shape[2]))


def _reshaped(features: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """To sizes that are numbers in a graph, so that it runs for one size only."""
    return features.reshape([int(side) for side in features.shape])


def _sorted(features: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """By an operation that OpenVINO lacks."""
    return torch.linalg.svd(features)[0] if int(x.shape[2]) == 0 else features.logcumsumexp(1)


FAULTS: dict[Any, str] = {
    _scaled: r"OpenVINO computes other features than torch for test_resnet\.r160_in1k",
    _reshaped: r"the converted model can't be run by OpenVINO \(.*\)",
    _sorted: r"ResNet of timm can't be converted to OpenVINO \(.*\)",
}
"""What a model does that OpenVINO can't, and the reason that is given."""


@needs_openvino
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_openvino_can_not_run_is_refused_or_runs_on_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    """Refused if OpenVINO is requested; `auto` takes torch, and says so in one line.

    It is tried once for each model: later runs know the reason.
    """
    forward = timm.models.ResNet.forward_intermediates

    def faulty(self: Any, x: torch.Tensor, *rest: Any, **more: Any) -> Any:
        return [fault(each, x) for each in forward(self, x, *rest, **more)]

    monkeypatch.setattr(timm.models.ResNet, "forward_intermediates", faulty)
    monkeypatch.setattr(runtime, "NVIDIA", tmp_path / "no-driver")
    weights = weights_of("test_resnet", tmp_path / "w.safetensors")
    store = ArtifactStore(tmp_path / "graphs", Digests(tmp_path).of)
    with pytest.raises(MelError, match=rf"^{FAULTS[fault]}; try `runtime=torch`$"):
        built("timm:test_resnet", weights, runtime="openvino")
    for times in (1, 0):
        with recorded_warnings() as texts:
            found = built("timm:test_resnet", weights, runtime="auto", artifacts=store)
        assert sum(text.startswith("converting") for text in texts) == times
        assert re.fullmatch(rf"{FAULTS[fault]}, so test_resnet\..* runs on torch", texts[-1])
        assert len(texts) == 1 + times
    image = skin(96, 64)[np.newaxis]
    assert np.array_equal(found.extract(image), built("timm:test_resnet", weights).extract(image))
    with pytest.raises(MelError, match=FAULTS[fault]):
        built("timm:test_resnet", weights, runtime="openvino", artifacts=store)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("vit_smal_patch14_dinov2", "timm:vit_small_patch14_dinov2"),
        ("vit_small_patch16_dinov4", "timm:vit_small_patch16_dinov3"),
    ],
)
def test_a_wrong_name_lists_near_ones(name: str, hint: str) -> None:
    """In one line."""
    with pytest.raises(UsageError, match=hint) as caught:
        load_registry().extractor(f"timm:{name}")
    assert "\n" not in str(caught.value)


def test_a_wrong_tag_lists_those_there_are() -> None:
    """Weights have names of their own."""
    with pytest.raises(UsageError, match=r"no weights named 'dinov3'; it has: .*dinov3_lvd1689m"):
        load_registry().extractor("timm:convnext_tiny.dinov3")


@pytest.mark.slow
def test_a_name_without_a_tag_is_that_of_its_default_weights() -> None:
    """One model has one name, so that its features are cached once."""
    spec = load_registry().extractor("timm:vit_small_patch14_dinov2")
    assert spec.name == load_registry().extractor(DINOV2).name
    assert spec.image_size == 896


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    """Within seconds, without a network."""
    spec = load_registry().extractor(DINOV2)
    with pytest.raises(WeightsError, match=r"no weights for vit_small_patch14_dinov2\.lvd142m"):
        spec.create(BuildOptions("cpu", offline=True))
    with pytest.raises(WeightsError, match=r"is a folder without model\.safetensors"):
        spec.create(BuildOptions("cpu", tmp_path, offline=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", [CONVNEXT, PLUS, DINOV2])
def test_dino3_map_runs_with_models_of_timm(
    files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    """On seeded weights; positions are inside the photo."""
    scene = make_scene(tmp_path)
    arguments = ["dino3-map", str(scene.output), str(scene.target), scene.uuid, str(scene.source)]
    outcome = run(
        *arguments,
        "--extractor",
        name,
        "--weights",
        str(files[name]),
        "--image-size",
        "224",
        "--runtime",
        "torch",
        "--json",
    )
    assert scene.output.is_file()
    assert outcome.report["extractor"] == name
