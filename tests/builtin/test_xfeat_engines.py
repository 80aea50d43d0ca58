"""Laws of XFeat without torch: the graph for OpenVINO and OpenCV, and how its weights are read."""

import pickle
import zipfile
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mel_debug.builtin.extractors import xfeat_engines
from mel_debug.builtin.extractors.light_checkpoint import read_arrays
from mel_debug.builtin.extractors.xfeat_graph import STRIDE, normalised
from mel_debug.builtin.extractors.xfeat_weights import packaged_weights
from mel_debug.cache.artifacts import ArtifactStore
from mel_debug.cache.digests import Digests
from mel_debug.core.errors import UsageError
from mel_debug.core.stages import BuildOptions
from mel_debug.plugins.registry import load_registry
from tolerance import relative_error
from workbench import extractor, run_python, skin

needs_openvino = pytest.mark.skipif(not find_spec("openvino"), reason="openvino is not installed")

SAME = 1e-4
"""Share of a vector's length by which runtimes may differ, as they share cached features."""


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["opencv", pytest.param("openvino", marks=needs_openvino)])
def test_a_whole_photo_has_the_features_of_torch(runtime: str) -> None:
    """Sums over millions of pixels are rounded, most of all where there is little contrast."""
    image = skin(1368, 1024)
    images = np.stack([image, image // 32 + 100])
    expected = extractor("xfeat", runtime="torch").extract(images)
    assert relative_error(extractor("xfeat", runtime=runtime).extract(images), expected) <= SAME


@settings(max_examples=25)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1), st.integers(1, 256))
def test_images_are_normalised_as_by_torch(height: int, width: int, seed: int, levels: int) -> None:
    """Whatever the contrast, also without any."""
    image = np.random.default_rng(seed).integers(0, levels, (1, height, width, 3), dtype=np.uint8)
    grey = torch.tensor(image.sum(axis=3) / 765)[:, None]
    margin = (0, -width % STRIDE, 0, -height % STRIDE)
    padded = torch.nn.functional.pad(grey, margin, mode="replicate")
    expected = torch.nn.functional.instance_norm(padded).numpy()
    assert np.allclose(normalised(image), expected, atol=1e-4)


@needs_openvino
@pytest.mark.slow
def test_the_graph_for_openvino_is_stored_and_used_again(tmp_path: Path) -> None:
    """With the compiled graph in the same folder, which is all that a cleared cache removes."""
    artifacts = ArtifactStore(tmp_path / "graphs", Digests(tmp_path).of)
    image = skin(96, 64)[np.newaxis]
    first = extractor("xfeat", runtime="openvino", artifacts=artifacts).extract(image)
    (entry,) = artifacts.entries()
    again = extractor("xfeat", runtime="openvino", artifacts=artifacts).extract(image)
    assert artifacts.entries()[0].folder == entry.folder
    assert relative_error(again, first) <= SAME
    artifacts.clear()
    assert not list(artifacts.folder.iterdir())


@needs_openvino
def test_more_than_a_few_windows_are_left_to_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, and the features stay the same."""
    built = []
    original = xfeat_engines._openvino

    def counted(path: Path, options: BuildOptions) -> xfeat_engines.Engine:
        built.append(path)
        return original(path, options)

    monkeypatch.setattr(xfeat_engines, "_openvino", counted)
    monkeypatch.setattr(xfeat_engines, "SMALL_WORK", 20_000)
    xfeat = extractor("xfeat")
    image = skin(96, 96)[np.newaxis]
    vectors = [xfeat.extract(image) for _ in range(4)]
    assert len(built) == 1
    assert all(relative_error(each, vectors[0]) <= SAME for each in vectors)


_USE = """
import sys
import numpy as np
from workbench import extractor
vectors = extractor("xfeat").extract(np.zeros((1, 64, 48, 3), np.uint8))
print(*vectors.shape, *({"torch", "kornia", "openvino"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_few_windows_import_neither_torch_nor_openvino() -> None:
    """Their import takes longer than the windows."""
    outcome = run_python("-c", _USE, env={"PYTHONPATH": str(Path(__file__).parents[1])})
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.split() == ["1", "8", "6", "64"]


def test_runtimes_for_the_processor_refuse_other_devices() -> None:
    """Instead of ignoring one of two wishes."""
    for runtime in ("opencv", *(["openvino"] if find_spec("openvino") else [])):
        with pytest.raises(UsageError, match=rf"`runtime={runtime}` runs on the CPU, not on cuda"):
            load_registry().extractor("xfeat").build(BuildOptions("cuda", runtime=runtime))


def test_packaged_weights_are_read_as_by_torch() -> None:
    """To the bit, without torch."""
    expected = torch.load(packaged_weights(), map_location="cpu", weights_only=True)
    found = read_arrays(packaged_weights())
    assert found is not None
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], expected[name].numpy()) for name in expected)


@pytest.mark.parametrize(
    "state",
    [
        {"half": torch.zeros(2, dtype=torch.float16)},
        {"transposed": torch.arange(6.0).reshape(2, 3).T},
        {"holder": {"weight": torch.zeros(2)}},
        [torch.zeros(2)],
    ],
)
def test_unusual_checkpoints_are_left_to_torch(state: object, tmp_path: Path) -> None:
    """Rather than read wrongly."""
    torch.save(state, tmp_path / "unusual.pt")
    assert read_arrays(tmp_path / "unusual.pt") is None


def test_slices_of_a_storage_are_read(tmp_path: Path) -> None:
    """As tensors of a state dict may share one."""
    whole = torch.arange(12.0)
    state = OrderedDict(a=whole[2:8].reshape(2, 3), b=whole[8:], c=torch.tensor(3))
    torch.save(state, tmp_path / "slices.pt")
    found = read_arrays(tmp_path / "slices.pt")
    assert found is not None
    assert all(np.array_equal(found[name], state[name].numpy()) for name in state)


class _Touch:
    """An object whose pickle would create a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (str(self.path),)


def test_no_code_of_a_checkpoint_runs(tmp_path: Path) -> None:
    """Names other than the four of a state dict are refused."""
    with zipfile.ZipFile(tmp_path / "evil.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": _Touch(tmp_path / "ran")}))
    assert read_arrays(tmp_path / "evil.pt") is None
    assert not (tmp_path / "ran").exists()
