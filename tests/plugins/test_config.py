"""Laws of ResolvedRun: what follows from its stages."""

from dataclasses import replace
from pathlib import Path

import pytest

from mel_debug.plugins.config import RunConfig, resolve


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
