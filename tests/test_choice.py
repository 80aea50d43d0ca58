"""What follows from the stages that are chosen."""

from dataclasses import replace
from pathlib import Path

import pytest

from mel_debug.choice import Wanted, choose


@pytest.mark.parametrize(
    ("wanted", "keeps"),
    [
        (Wanted(matcher="cosine"), False),
        (Wanted(matcher="geometric"), True),
        (Wanted(matcher="cosine", refine=True), True),
        (Wanted(matcher="cosine", renderer="pair"), True),
    ],
    ids=["vectors only", "a matcher that looks closer", "closer looks", "a picture of the mole"],
)
def test_pixels_are_kept_for_who_reads_them(tmp_path: Path, wanted: Wanted, keeps: bool) -> None:
    """One stage that looks at photos again is enough."""
    choice = choose(replace(wanted, extractor="xfeat", cache_dir=tmp_path))
    assert choice.build_cached_features().features.keeps_pixels == keeps
