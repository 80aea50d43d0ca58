"""Similarities on which pairs of blobs agree, by votes as in a Hough transform (Ballard 1981).

Two blobs of the source and two of the target determine a similarity, without any descriptor.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Array
from mel_debug.builtin.matchers.geometric.sized_blobs import Blobs, Numbers

Complex = NDArray[np.complex128]

SAME_SIZE = 0.5
"""Largest difference between the log of a blob's change of size and that of the scale."""

TURN = 36
"""Bins of votes in a full turn."""

LOG_SCALE, ANGLE, SHIFT = 0.2, 2 * np.pi / TURN, 0.06
"""Widths of a bin of votes; that of the shift is a share of the longer side."""

MOST_VOTES = 2_000_000
"""Votes from which on no further blobs vote, which limits time and memory. Of 136 hard
generated pairs, overview and close-up either way, 90 % had up to 1,520,000."""

TILT, TILT_DIRECTIONS = 2.0, 4
"""Ratio of the two scales of a tilted photo, and the directions in which it is tilted."""

PEAKS = 60
"""Bins with the most votes whose similarity is returned."""


def similarities(
    here: Blobs, there: Blobs, scales: tuple[float, float], apart: tuple[float, float]
) -> Iterator[Array]:
    """Yield the similarities with the most votes as affine maps, (3, 2): target = [x y 1] @ map.

    They are in shares of the photos' longer sides. `scales` are the limits of their scale, and
    `apart` those of the distance between two blobs of the target that vote.
    """
    votes = _votes(here, there, scales, apart)
    if not len(votes):
        return
    factor, shift = votes.T
    # In the frame where it is larger, as a map that shrinks all blobs brings any of them together.
    grown = factor * complex(*here.places.mean(axis=0)) + shift
    shrunk = (complex(*there.places.mean(axis=0)) - shift) / factor
    moved = np.where(np.abs(factor) >= 1, grown, shrunk)
    where = [
        np.log(np.abs(factor)) / LOG_SCALE,
        np.angle(factor) / ANGLE,
        moved.real / SHIFT,
        moved.imag / SHIFT,
    ]
    for offset in (0.0, 0.5):  # a peak at the border of bins is in the middle of shifted ones
        bins = np.clip(np.floor(np.stack(where) + offset) + 128, 0, 255).astype(np.int64)
        bins[1] %= TURN  # half a turn is half a turn to either side
        number = np.ravel_multi_index(tuple(bins), (256,) * 4)
        order = np.argsort(number, kind="stable")
        ends = np.flatnonzero(np.diff(number[order], append=-1)) + 1
        counts = np.diff(ends, prepend=0)
        for peak in np.argsort(-counts, kind="stable")[:PEAKS]:
            inside = votes[order[ends[peak] - counts[peak] : ends[peak]]]
            a, b = np.median(inside.real, axis=0) + 1j * np.median(inside.imag, axis=0)
            yield np.array([[a.real, a.imag], [-a.imag, a.real], [b.real, b.imag]])


def tilted_similarities(
    here: Blobs, there: Blobs, scales: tuple[float, float], apart: tuple[float, float]
) -> Iterator[Array]:
    """Yield those of the source as it looks when it is tilted, in several directions.

    Stretched photos of a plane look like photos from the side (Morel and Yu 2009).
    """
    for stretch in map(_stretch, range(TILT_DIRECTIONS)):
        tilted = Blobs(here.places @ stretch, here.sizes, here.extent)
        for affine in similarities(tilted, there, scales, apart):
            yield np.vstack([stretch @ affine[:2], affine[2]])


def _stretch(direction: int) -> Array:
    """Return the symmetric (2, 2) matrix that stretches by a tilt and keeps areas."""
    angle = np.pi * direction / TILT_DIRECTIONS
    along = np.array([np.cos(angle), np.sin(angle)])
    stretch: Array = np.eye(2) / np.sqrt(TILT) + np.outer(along, along) * (
        np.sqrt(TILT) - 1 / np.sqrt(TILT)
    )
    return stretch


def _votes(
    here: Blobs, there: Blobs, scales: tuple[float, float], apart: tuple[float, float]
) -> Complex:
    """Return (n, 2) complex a, b: a z + b maps two blobs of the source to two of the target."""
    (least, most), (near, far) = scales, apart
    m, n, leg = _pairs(there, near, far)
    once = m < n  # the source's pairs are in both orders
    m, n, leg = m[once], n[once], leg[once]
    i, k, other = _pairs(here, near / most, far / least)
    order = np.argsort(np.abs(other), kind="stable")
    i, k, other = i[order], k[order], other[order]
    lengths, log = np.abs(other), np.log(np.abs(other))
    first, second = here.sizes[i] - log, here.sizes[k] - log
    at, to = _complex(here)[i], _complex(there)
    starts = np.searchsorted(lengths, np.abs(leg) / most)
    ends = np.searchsorted(lengths, np.abs(leg) / least)
    votes: list[Complex] = [np.empty((0, 2), complex)]
    count = 0
    for one, two, step, start, end in zip(m, n, leg, starts, ends, strict=True):
        size = np.log(abs(step))
        likely = np.abs(there.sizes[one] - size - first[start:end]) < SAME_SIZE
        likely &= np.abs(there.sizes[two] - size - second[start:end]) < SAME_SIZE
        some = np.flatnonzero(likely) + start
        a = step / other[some]
        votes.append(np.stack([a, to[one] - a * at[some]], axis=1))
        count += len(some)
        if count > MOST_VOTES:
            break
    return np.concatenate(votes)


def _pairs(some: Blobs, near: float, far: float) -> tuple[Numbers, Numbers, Complex]:
    """Return the numbers of two blobs within these distances, and the complex step between them."""
    places = _complex(some)
    step = places - places[:, np.newaxis]
    first, second = np.nonzero((np.abs(step) > near) & (np.abs(step) < far))
    return first, second, step[first, second]


def _complex(some: Blobs) -> Complex:
    places: Complex = some.places[:, 0] + 1j * some.places[:, 1]
    return places
