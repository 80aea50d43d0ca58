"""A law of long-lived workers whose weights are replaced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from caches import Counting, offer, photo
from mel_debug.builtin import plugin
from mel_debug.jobs.extraction import ExtractionTask, extract_to_cache
from mel_debug.plugin import hookimpl
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.plugins.registry import load_registry

pytestmark = pytest.mark.usefixtures("only_builtins")


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counting]:
    """A toy extractor among the built-in ones, which counts how often it is built."""
    counting = Counting()
    monkeypatch.setattr(plugin, "mel_extractors", hookimpl(lambda: [offer(counting)]))
    load_registry.cache_clear()
    yield counting
    load_registry.cache_clear()


@pytest.mark.slow
def test_replaced_weights_are_loaded_again(tmp_path: Path, counting: Counting) -> None:
    """By a worker that serves several runs; within a run weights are loaded once."""
    weights = tmp_path / "weights"
    config = RunConfig("toy", matcher="cosine", weights=weights, cache_dir=tmp_path / "cache")
    for run, content in enumerate(["old", "newer"], 1):
        weights.write_text(content)
        identity = resolve(config).build_cached_features().extractor.identity()
        for number in range(3):
            path = photo(tmp_path, seed=number, name=f"{number}.png")
            assert extract_to_cache(ExtractionTask(config, path, path.name, identity=identity))
            assert not extract_to_cache(ExtractionTask(config, path, path.name, identity=identity))
        assert len(counting.built) == run
