"""Laws of ResolvedRun: what follows from its stages."""

from dataclasses import replace
from pathlib import Path

import pytest

from mel_debug.builtin.extractors import runtime
from mel_debug.core.errors import UsageError
from mel_debug.plugins.config import MOST_THREADS, RunConfig, resolve


@pytest.mark.parametrize(
    ("wanted", "keeps"),
    [
        (RunConfig(matcher="cosine"), False),
        (RunConfig(matcher="geometric"), True),
        (RunConfig(matcher="cosine", refine=True), True),
        (RunConfig(matcher="cosine", renderer="pair"), True),
    ],
    ids=["vectors only", "a matcher that looks closer", "closer looks", "a picture of the mole"],
)
def test_pixels_are_retained_if_a_stage_reads_them(
    tmp_path: Path, wanted: RunConfig, keeps: bool
) -> None:
    """One such stage is enough."""
    choice = resolve(replace(wanted, extractor="xfeat", cache_dir=tmp_path))
    assert choice.build_cached_features().features.keeps_pixels == keeps


@pytest.mark.parametrize("threads", [-1, 0, MOST_THREADS + 1, 100_000, 10**20])
def test_so_many_threads_that_a_runtime_would_crash_are_refused(
    tmp_path: Path, threads: int
) -> None:
    """OpenMP ends the process for some of these, and torch takes no whole number beyond 64 bits."""
    with pytest.raises(UsageError, match=rf"`threads` lies between 1 and 1024, not at {threads}$"):
        resolve(RunConfig(extractor="xfeat", cache_dir=tmp_path, threads=threads))


def test_an_environment_that_allows_more_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "100000")
    assert resolve(RunConfig(extractor="xfeat", cache_dir=tmp_path)).options.threads is None


@pytest.fixture
def with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with bf16 instructions, without a GPU, and with OpenVINO."""
    monkeypatch.setattr(runtime, "has_bf16", lambda: True)
    monkeypatch.setattr(runtime, "find_spec", lambda _: True)
    monkeypatch.setattr(runtime, "NVIDIA", Path("/nowhere"))
    monkeypatch.setattr("sys.platform", "linux")


@pytest.mark.usefixtures("with_bf16")
@pytest.mark.parametrize(
    ("config", "precision"),
    [
        (RunConfig(), "f32"),
        (RunConfig(precision="auto"), "bf16"),
        (RunConfig(precision="auto", runtime="openvino"), "bf16"),
        (RunConfig(precision="auto", runtime="torch"), "f32"),
        (RunConfig(precision="auto", device="cuda"), "f32"),
        (RunConfig(precision="auto", extractor="xfeat"), "f32"),
    ],
    ids=["nothing asked", "auto", "openvino", "torch", "a GPU", "an extractor without it"],
)
def test_auto_is_bf16_only_where_it_was_measured(
    tmp_path: Path, config: RunConfig, precision: str
) -> None:
    """Answers do not depend on the processor unless that is asked for."""
    assert resolve(replace(config, cache_dir=tmp_path)).options.precision == precision


def test_auto_is_f32_on_other_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "has_bf16", lambda: False)
    run = resolve(RunConfig(precision="auto", cache_dir=tmp_path))
    assert run.options.precision == "f32"


@pytest.mark.usefixtures("with_bf16")
def test_workers_compute_in_the_precision_of_the_machine_that_started_them(tmp_path: Path) -> None:
    """Not in what `auto` would be on theirs: all features of a run belong together."""
    sent = RunConfig(precision="auto", cache_dir=tmp_path).portable()
    assert sent.precision == "bf16"
