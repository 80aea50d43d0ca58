"""How far apart two results may be that are promised to be the same: docs/promises.md, for tests.

Sums are rounded in another order with another number of threads, processor, runtime or release of
a library, and features are kept in half precision, where a last digit may become a step of 0.001.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.types import Pixels, Vectors

PLACE_PX = 1.0
"""Each coordinate of a place, in pixels of the photo; whole pixels may be neighbours."""

CONFIDENCE = 0.01

SCORE_SHARE = 0.005
"""A score, as a share of the range of all scores of its match."""

LENGTH_SHARE = 0.05
"""Radii and other lengths, as a share, where that is more than `PLACE_PX`."""

ROUNDING = 1e-4
"""Vectors computed in single precision, as a share of their length (measured: 2e-6)."""

HALF_STEP = 2**-10
"""Vectors kept in half precision, as a share of their length: one step of the format."""

PLACES = ("x", "y", "answer")
PROBABILITIES = ("confidence", "absent", "absent_if_wrong")
SCORES = ("score", "similarity_min", "similarity_max")
UNPROMISED = "support"
"""What a matcher says of its work: the names stay, the numbers may be any."""


def assert_same_results(one: Any, other: Any) -> None:
    """Compare reports, or the values that they are made of: text and counts are equal.

    `one` and `other` are JSON, dataclasses, or lists of them; the names of numbers decide how far
    apart they may be.
    """
    found = list(differences(one, other))
    assert not found, "\n".join(found)


def differences(one: Any, other: Any, path: str = "", spread: float = 1.0) -> Iterator[str]:
    """One line for each part that differs by more than is promised."""
    one, other = _plain(one), _plain(other)
    name = path.rpartition(".")[2].partition("[")[0]
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        if name == UNPROMISED:
            return
        spread = one.get("similarity_max", spread) - one.get("similarity_min", 0.0)
        for key in one:
            yield from differences(one[key], other[key], f"{path}.{key}", spread)
    elif _is_list(one) and _is_list(other) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{path}[{number}]", spread)
    elif _is_number(one) and _is_number(other):
        apart = abs(one - other)
        if apart > _allowed(name, max(abs(one), abs(other)), spread):
            yield f"{path}: {one} and {other} are {apart:g} apart"
    elif _without_decimals(one) != _without_decimals(other):
        yield f"{path}: {one!r} is not {other!r}"


def _allowed(name: str, size: float, spread: float) -> float:
    """How far apart two numbers of a name may be, the larger of which is `size`."""
    if name in PLACES:
        return PLACE_PX
    if name in PROBABILITIES:
        return CONFIDENCE
    if name in SCORES:
        return SCORE_SHARE * spread
    if name.endswith("_px"):
        return max(PLACE_PX, LENGTH_SHARE * size)
    return 0.0


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _without_decimals(value: Any) -> Any:
    """A sentence without its measured numbers."""
    return re.sub(r"-?\d+\.\d+", "#", value) if isinstance(value, str) else value


def relative_error(got: Vectors, expected: Vectors) -> float:
    """The largest difference of a vector, in lengths of it; vectors lie along the last axis.

    Vectors that are next to nothing, beside the longest one, are measured by a thousandth of it.
    """
    apart: NDArray[np.float32] = np.linalg.norm(got - expected, axis=-1)
    if not apart.any():
        return 0.0
    lengths = np.linalg.norm(expected, axis=-1)
    return float((apart / np.maximum(lengths, lengths.max() / 1000)).max())


def assert_same_picture(one: Pixels, other: Pixels, *, levels: float = 1.0) -> None:
    """Compare pictures that were computed: in the mean, they may be `levels` grey levels apart."""
    assert one.shape == other.shape
    apart = np.abs(one.astype(int) - other)
    assert apart.mean() <= levels, f"{apart.mean():.3g} levels in the mean, {apart.max()} at most"
