"""Laws of DINOv3 with OpenVINO: the same features as with torch, which is not imported."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mel_debug.builtin.extractors import runtime
from mel_debug.builtin.extractors.graphs import FACTS, MODEL, WEIGHTS
from mel_debug.builtin.extractors.rotary import rotary_table
from mel_debug.builtin.extractors.runtime import has_bf16
from mel_debug.cache.artifacts import MANIFEST, ArtifactStore
from mel_debug.cache.digests import Digests
from mel_debug.core.errors import MelWarning, UsageError, WeightsError, recorded_warnings
from mel_debug.core.stages import FeatureExtractor
from tolerance import ROUNDING, relative_error
from workbench import Dinov3Weights, extractor, run_python, skin

pytest.importorskip("mel_debug.builtin.extractors.openvino_import")

from mel_debug.builtin.extractors.openvino_models import GraphExtractor

pytestmark = pytest.mark.slow

SIZES = [(96, 64), (64, 112), (80, 80)]
"""Widths and heights in pixels, unlike those of the conversion."""


@dataclass(frozen=True)
class Small:
    """The weights of DINOv3 small, and a store for its graph."""

    weights: Path
    artifacts: ArtifactStore

    def build(self, **others: Any) -> FeatureExtractor:
        options = {"runtime": "openvino", "artifacts": self.artifacts, **others}
        return extractor("dinov3-small", self.weights, **options)

    @property
    def graphs(self) -> list[Path]:
        """The folders of stored graphs."""
        return [path for path in self.artifacts.folder.iterdir() if path.suffix != ".part"]


@pytest.fixture(scope="module")
def small(dinov3_small: Dinov3Weights, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A graph that is converted once for the module."""
    folder = tmp_path_factory.mktemp("openvino")
    converted = Small(
        dinov3_small.safetensors, ArtifactStore(folder / "graphs", Digests(folder).of)
    )
    with pytest.warns(MelWarning, match="converting"):
        converted.build()
    return converted


@pytest.fixture
def copied(small: Small, tmp_path: Path) -> Small:
    """A copy of the graph that a test may damage."""
    shutil.copytree(small.artifacts.folder, tmp_path / "graphs")
    return Small(small.weights, ArtifactStore(tmp_path / "graphs", small.artifacts.digest))


@pytest.fixture(scope="module")
def in_torch(dinov3_small: Dinov3Weights) -> FeatureExtractor:
    """The same weights in torch."""
    return extractor("dinov3-small", dinov3_small.safetensors, runtime="torch")


def test_one_graph_computes_the_features_of_torch_for_all_sizes_and_batches(
    small: Small, in_torch: FeatureExtractor
) -> None:
    """Except for rounding; wide, high and square images, one and two."""
    built = small.build()
    for width, height in SIZES:
        for count in (1, 2):
            images = np.stack([skin(width, height, seed) for seed in range(count)])
            vectors = built.extract(images)
            assert vectors.dtype == np.float32
            assert vectors.shape == (count, height // 16, width // 16, 384)
            assert relative_error(vectors, in_torch.extract(images)) <= ROUNDING
    assert built.mean_colour == in_torch.mean_colour
    assert built.patch == in_torch.patch
    assert len(small.graphs) == 1


def test_a_result_is_not_changed_by_the_next_call(small: Small) -> None:
    """Each result has its own writable memory."""
    built = small.build()
    first = built.extract(skin(64, 48, 1)[np.newaxis])
    copy = first.copy()
    second = built.extract(skin(64, 48, 2)[np.newaxis])
    assert np.array_equal(first, copy)
    assert not np.array_equal(first, second)
    first += 1


@pytest.mark.skipif(not has_bf16(), reason="the processor has no bf16")
def test_bf16_rotates_no_vector_by_more_than_a_few_degrees(small: Small) -> None:
    """The cosine to f32 is at least 0.999."""
    image = skin(64, 48, 3)[np.newaxis]
    full, short = small.build().extract(image), small.build(precision="bf16").extract(image)
    lengths = np.linalg.norm(full, axis=-1) * np.linalg.norm(short, axis=-1)
    assert not np.array_equal(full, short)
    assert (np.sum(full * short, axis=-1) / lengths).min() >= 0.999


def test_bf16_without_support_of_the_cpu_is_not_used(
    small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO is refused if it is requested; with `auto` torch is used."""
    monkeypatch.setattr(runtime, "has_bf16", lambda: False)
    with pytest.raises(UsageError, match=r"no bf16.*`precision=f32`, or `runtime=torch`"):
        small.build(precision="bf16")
    assert not isinstance(small.build(precision="bf16", runtime="auto"), GraphExtractor)


def test_the_number_of_threads_changes_no_result(small: Small) -> None:
    """Except for rounding."""
    image = skin(64, 48)[np.newaxis]
    one = small.build(threads=1).extract(image)
    assert relative_error(one, small.build().extract(image)) <= ROUNDING


_USE = """
import sys
from pathlib import Path
import numpy as np
from mel_debug.cache.digests import Digests
from mel_debug.cache.artifacts import ArtifactStore
from workbench import extractor
folder, weights, runtime = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
artifacts = ArtifactStore(folder, Digests(folder.parent).of)
built = extractor("dinov3-small", weights, runtime=runtime, artifacts=artifacts)
vectors = built.extract(np.zeros((1, 32, 48, 3), np.uint8))
print(*vectors.shape, *({"torch", "timm", "torchvision"} & set(sys.modules)))
"""


@pytest.mark.parametrize("asked", ["openvino", "auto"])
def test_a_converted_model_imports_neither_torch_nor_timm(small: Small, asked: str) -> None:
    """With runtime openvino, and with auto."""
    arguments = (str(small.artifacts.folder), str(small.weights), asked)
    tests = {"PYTHONPATH": str(Path(__file__).parents[1])}
    outcome = run_python("-c", _USE, *arguments, env=tests)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout.split() == ["1", "2", "3", "384"]


def test_without_a_store_models_are_not_converted_by_default(
    dinov3_small: Dinov3Weights,
) -> None:
    """Converting for a single run takes longer than it saves."""
    from mel_debug.builtin.extractors.timm_models import TimmExtractor

    assert isinstance(extractor("dinov3-small", dinov3_small.safetensors), TimmExtractor)


def _truncate(place: Path) -> None:
    with (place / WEIGHTS).open("r+b") as file:
        file.truncate(1000)


def _edit(place: Path) -> None:
    (place / MODEL).write_text((place / MODEL).read_text().replace("MatMul", "MutMal"))


def _empty_manifest(place: Path) -> None:
    (place / MANIFEST).write_text("{}")


def _remove_facts(place: Path) -> None:
    (place / FACTS).unlink()


def _unreadable_model(place: Path) -> None:
    """A model that OpenVINO cannot read, although it is as it was written."""
    (place / MODEL).write_text("<net")
    manifest = json.loads((place / MANIFEST).read_text())
    manifest["files"][MODEL] = [4, hashlib.sha256(b"<net").hexdigest()]
    (place / MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage", [_truncate, _edit, _empty_manifest, _remove_facts, _unreadable_model]
)
def test_a_damaged_graph_is_converted_again(small: Small, copied: Small, damage: Any) -> None:
    """And replaced; no other folder stays."""
    (place,) = copied.graphs
    damage(place)
    image = skin(64, 48)[np.newaxis]
    with pytest.warns(MelWarning, match="converting"):
        again = copied.build().extract(image)
    assert relative_error(again, small.build().extract(image)) <= ROUNDING
    assert copied.graphs == [place]
    copied.build()  # a warning would be an error
    assert [*copied.artifacts.folder.glob(".*.part")] == []


def test_an_intact_graph_is_used_as_it_is(small: Small) -> None:
    """Nothing is converted, and there is no warning."""

    def contents() -> dict[Path, bytes]:
        return {p: p.read_bytes() for p in small.graphs[0].rglob("*") if p.is_file()}

    before = contents()
    small.build()
    assert contents() == before


@pytest.mark.parametrize("size", [0, 1000, 50_000_000])
def test_damaged_files_of_openvinos_own_cache_are_replaced(
    small: Small, copied: Small, size: int
) -> None:
    """The graph is compiled again, but not converted again."""
    copied.build()  # the copies have new times, so OpenVINO compiles again
    blob = max((copied.graphs[0] / "compiled").iterdir(), key=lambda path: path.stat().st_mtime)
    blob.chmod(0o600)
    with blob.open("r+b") as file:
        file.truncate(size)
    image = skin(64, 48)[np.newaxis]
    again = copied.build().extract(image)
    assert relative_error(again, small.build().extract(image)) <= ROUNDING


def test_threads_can_share_an_extractor(small: Small) -> None:
    """Each gets its own results."""
    built = small.build()
    images = [skin(64, 48, seed)[np.newaxis] for seed in range(6)]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(built.extract, images))
    for image, answer in zip(images, answers, strict=True):
        assert relative_error(answer, built.extract(image)) <= ROUNDING


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="threads have a choice of cores on Linux with several only",
)
def test_no_thread_is_pinned_to_a_core(small: Small) -> None:
    """Or two workers of one thread each would share the first core."""
    built = small.build(threads=1)
    image = skin(448, 448)[np.newaxis]
    all_cores = os.sched_getaffinity(0)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(built.extract, image)
        pinned = set()
        while not answer.done():
            for thread in Path("/proc/self/task").iterdir():
                with contextlib.suppress(OSError):  # it has ended
                    cores = os.sched_getaffinity(int(thread.name))
                    pinned |= {thread.name} if cores != all_cores else set()
    assert not pinned


def test_other_weights_make_another_graph(small: Small, copied: Small, tmp_path: Path) -> None:
    """Graphs are found by content: a copy of the weights uses the same graph."""
    from safetensors.torch import load_file, save_file

    moved = tmp_path / "moved.safetensors"
    shutil.copy(small.weights, moved)
    Small(moved, copied.artifacts).build()
    assert len(copied.graphs) == 1
    state = load_file(moved)
    state["norm.weight"] *= 2
    save_file(state, tmp_path / "other.safetensors")
    with pytest.warns(MelWarning, match="converting"):
        other = Small(tmp_path / "other.safetensors", copied.artifacts).build()
    image = skin(64, 48)[np.newaxis]
    assert relative_error(other.extract(image), small.build().extract(image)) > 1e-3
    assert len(copied.graphs) == 2


def test_a_folder_that_cannot_be_written_causes_one_warning(
    small: Small, in_torch: FeatureExtractor, tmp_path: Path
) -> None:
    """The model is converted for this run only."""
    (tmp_path / "file").write_text("in the way")
    lost = Small(small.weights, ArtifactStore(tmp_path / "file", small.artifacts.digest))
    image = skin(64, 48)[np.newaxis]
    with recorded_warnings() as texts:
        built = lost.build()
    assert len([text for text in texts if "is not stored" in text]) == 1
    assert relative_error(built.extract(image), in_torch.extract(image)) <= ROUNDING


def test_weights_that_change_while_they_are_converted_are_an_error(
    small: Small, tmp_path: Path
) -> None:
    """Otherwise a graph could be stored under the key of other weights."""
    digests: Iterator[str] = iter(["1" * 64, "2" * 64])
    with pytest.raises(WeightsError, match="changed while"), pytest.warns(MelWarning):
        Small(small.weights, ArtifactStore(tmp_path / "graphs", lambda _: next(digests))).build()
    assert not (tmp_path / "graphs").exists()


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (37, 56), (56, 37), (5, 64)])
def test_the_rotary_table_is_timms(grid: tuple[int, int]) -> None:
    """To 1e-6, for any shape of the grid."""
    import timm
    import torch

    model = timm.create_model("vit_small_patch16_dinov3", pretrained=False, num_classes=0)
    rope = model.rope
    with torch.inference_mode():
        timms = rope.get_embed(shape=grid).numpy()
    ours = rotary_table(*grid, rope.dim, rope.temperature)
    assert ours.shape == timms.shape
    assert ours.dtype == np.float32
    assert np.abs(ours - timms).max() <= 1e-6
