"""Mutual nearest neighbours of two sets of features, computed in bounded memory."""

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.matchers.geometric.arrays import Flags
from mel_debug.core.threads import in_threads

Cells = NDArray[np.intp]

BLOCK_ROWS = 512
"""Rows per block: similarities of 512 x 50,000 cells take 100 MB."""

SOME_ROWS, SOME_COLUMNS = 256, 2048
"""Rows and columns per block of mutual matches. Their similarities take 2 MB, which stay in the
processor's cache: 0.75 of the time of whole rows."""

TILE = 16
"""Side in cells of a tile of the local search."""

RIVAL_CELLS = 3
"""Cells around a match in which features see the same pixels, so that no rival is looked for."""

NO_SIMILARITY = np.float32(-2)
"""Similarity of cells that were not compared; lower than any cosine."""


def mutual_matches(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[Cells, Cells]:
    """Return the indices of mutual nearest neighbours in the rows of `a` and `b`, unit vectors."""
    if not len(a) or not len(b):
        return np.empty(0, np.intp), np.empty(0, np.intp)
    parts = in_threads(lambda rows: _best_of(a[rows], b), len(a), SOME_ROWS)
    choice, top, best_of_b = zip(*parts, strict=True)
    chosen_of_a, top_of_a = np.concatenate(choice), np.concatenate(top)
    chosen = np.flatnonzero(top_of_a >= np.maximum.reduce(best_of_b)[chosen_of_a])
    return chosen, chosen_of_a[chosen]


def _best_of(
    a: NDArray[np.float32], b: NDArray[np.float32]
) -> tuple[Cells, NDArray[np.float32], NDArray[np.float32]]:
    """Return the nearest row of `b` to each of `a`, its similarity, and the largest of each of `b`.

    All are (n,) or, the last, (m,).
    """
    best_of_b = np.full(len(b), NO_SIMILARITY)
    choice, top = np.zeros(len(a), np.intp), np.full(len(a), NO_SIMILARITY)
    # Memory of its own for each block would be cleared by the system each time, which takes as long
    # as the products.
    memory = np.empty(SOME_ROWS * SOME_COLUMNS, np.float32)
    for start in range(0, len(a), SOME_ROWS):
        rows = slice(start, start + SOME_ROWS)
        for first in range(0, len(b), SOME_COLUMNS):
            columns = slice(first, first + SOME_COLUMNS)
            shape = len(a[rows]), len(b[columns])
            similarity = memory[: shape[0] * shape[1]].reshape(shape)
            np.matmul(a[rows], b[columns].T, out=similarity)
            np.maximum(best_of_b[columns], similarity.max(axis=0), out=best_of_b[columns])
            at = similarity.argmax(axis=1)
            best = np.take_along_axis(similarity, at[:, np.newaxis], axis=1)[:, 0]
            better = best > top[rows]
            top[rows][better], choice[rows][better] = best[better], at[better] + first
    return choice, top, best_of_b


def distinct_matches(
    a: NDArray[np.float32], b: NDArray[np.float32], b_valid: Flags, most: int
) -> tuple[Cells, Cells]:
    """Return the `most` matches that stand out most from their rivals, the most distinct first.

    Each row of `a`, (n, dimensions), is matched with a cell of the (rows, columns, dimensions) map
    `b`. A match stands out by the margin of its similarity over that of the best cell more than
    `RIVAL_CELLS` away. Returns indices of rows of `a`, and (n, 2) cells of `b`.
    """
    rows, columns = b_valid.shape
    flat, hidden = b.reshape(-1, b.shape[-1]), ~b_valid.ravel()
    choice, margin = np.zeros(len(a), np.intp), np.full(len(a), -np.inf, np.float32)
    around = np.arange(-RIVAL_CELLS, RIVAL_CELLS + 1)
    for start in range(0, len(a), BLOCK_ROWS):
        some = slice(start, start + BLOCK_ROWS)
        similarity = a[some] @ flat.T
        similarity[:, hidden] = NO_SIMILARITY
        best = similarity.argmax(axis=1)
        top = np.take_along_axis(similarity, best[:, np.newaxis], axis=1)[:, 0]
        down, across = np.divmod(best, columns)
        near = np.clip(down[:, np.newaxis] + around, 0, rows - 1)[:, :, np.newaxis] * columns
        near = near + np.clip(across[:, np.newaxis] + around, 0, columns - 1)[:, np.newaxis]
        np.put_along_axis(similarity, near.reshape(len(best), -1), NO_SIMILARITY, axis=1)
        choice[some], margin[some] = best, top - similarity.max(axis=1)
    chosen = np.argsort(-margin, kind="stable")[:most]
    return chosen, np.stack(np.divmod(choice[chosen], columns), axis=1)


def mutual_matches_nearby(
    a: NDArray[np.float32],
    a_valid: Flags,
    b: NDArray[np.float32],
    b_valid: Flags,
    reach: NDArray[np.floating],
) -> tuple[Cells, Cells]:
    """Return mutual nearest neighbours within a radius, as (n, 2) cells of `a` and of `b`.

    `a` and `b` are (rows, columns, dimensions) maps in one frame. `reach`, (rows, columns), is the
    search radius in cells around each cell of `a`.
    """
    best_of_b = np.full(b_valid.shape, NO_SIMILARITY)
    chosen: list[tuple[Cells, Cells, NDArray[np.float32]]] = []
    for top in range(0, a_valid.shape[0], TILE):
        for left in range(0, a_valid.shape[1], TILE):
            here = np.argwhere(a_valid[top : top + TILE, left : left + TILE])
            here += top, left
            if not len(here):
                continue
            radius = reach[here[:, 0], here[:, 1]]
            far = int(np.ceil(radius.max()))
            y, x = max(0, top - far), max(0, left - far)
            there = np.argwhere(b_valid[y : top + TILE + far, x : left + TILE + far])
            there += y, x
            if not len(there):
                continue
            similarity = a[here[:, 0], here[:, 1]] @ b[there[:, 0], there[:, 1]].T
            down, across = (
                here[:, axis, np.newaxis].astype(np.float32) - there[:, axis].astype(np.float32)
                for axis in (0, 1)
            )
            similarity[down * down + across * across > radius[:, np.newaxis] ** 2] = NO_SIMILARITY
            choice = similarity.argmax(axis=1)
            top_of_a = np.take_along_axis(similarity, choice[:, np.newaxis], axis=1)[:, 0]
            known = best_of_b[there[:, 0], there[:, 1]]
            best_of_b[there[:, 0], there[:, 1]] = np.maximum(known, similarity.max(axis=0))
            found = top_of_a > NO_SIMILARITY
            chosen.append((here[found], there[choice[found]], top_of_a[found]))
    if not chosen:
        return np.empty((0, 2), np.intp), np.empty((0, 2), np.intp)
    a_cells, b_cells, similarities = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
    agreed = similarities >= best_of_b[b_cells[:, 0], b_cells[:, 1]]
    return a_cells[agreed], b_cells[agreed]
