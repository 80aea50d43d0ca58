"""Two photos with their features at several sizes, extracted on first use."""

from dataclasses import dataclass, field
from weakref import ReferenceType, ref

import numpy as np

from mel_debug.builtin.matchers.geometric.arrays import Array, CellFeatures, Flags, centres
from mel_debug.builtin.matchers.geometric.correspondences import Compared
from mel_debug.builtin.matchers.geometric.flattening import FlatPhoto
from mel_debug.builtin.matchers.geometric.keys import key_of
from mel_debug.builtin.matchers.geometric.plane_map import PlaneMap
from mel_debug.builtin.matchers.geometric.variants import Variants
from mel_debug.builtin.matchers.similarity import unit
from mel_debug.core.geometry import PatchGrid
from mel_debug.core.stages import FeatureExtractor
from mel_debug.core.types import FeatureMap, Photo, Vectors

SMALLER = (1 / 2, 1 / 3, 1 / 4)
"""Smaller sizes of a photo, as shares of the size of its feature map."""

LARGER = (2.0, 3.0, 4.0)
"""Larger sizes, of which only a part of the photo is extracted."""

CONTEXT = 4
"""Cells of context around a part: a feature depends on pixels beyond its cell."""

MOST_PAIRS = 600_000_000
"""Pairs of cells above which only a quarter of the source's cells are compared."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Photos:
    """A source and a target photo, and the extractor of their features.

    `variants` stores what is computed of one of them alone; `is_flat` is whether they are without
    the light on them.
    """

    source: FeatureMap
    target: FeatureMap
    extractor: FeatureExtractor
    variants: Variants = field(default_factory=Variants)
    is_flat: bool = False
    _known: dict[tuple[bool, float], CellFeatures] = field(default_factory=dict)
    _compared: dict[tuple[float, float], tuple[Flags, Compared]] = field(default_factory=dict)
    _flat: list["Photos"] = field(default_factory=list)
    _lit: "ReferenceType[Photos] | None" = None  # a cycle would keep the pixels alive

    def flat(self) -> "Photos":
        """Return the same photos without the light on them; see `flattening`."""
        if self.is_flat:
            return self
        if not self._flat:
            source, target = self._flattened(self.source), self._flattened(self.target)
            self._flat.append(
                Photos(source, target, self.extractor, self.variants, is_flat=True, _lit=ref(self))
            )
        return self._flat[0]

    def flat_source_like(self, other: CellFeatures) -> tuple[CellFeatures, Photo]:
        """Return the flattened source's features as `source_like` does, and the flattened target.

        The features of the target, which take a forward pass, are not extracted.
        """
        target = FlatPhoto(self.target.photo)
        flat = Photos(
            self._flat[0].source if self._flat else self._flattened(self.source),
            self.target,
            self.extractor,
            self.variants,
            is_flat=True,
        )
        return flat.source_like(other), target

    def as_they_are(self) -> "Photos":
        """Return the photos with the light on them, as they were taken."""
        lit = None if self._lit is None else self._lit()
        return lit or self

    def source_at(self, size: float) -> CellFeatures:
        """Return the source's features at its own size, 1, or one of `SMALLER`."""
        return self._at(True, size)

    def target_at(self, size: float) -> CellFeatures:
        """Return the target's features at its own size, 1, or one of `SMALLER`."""
        return self._at(False, size)

    def compared(self, source_size: float, target_size: float) -> tuple[Flags, Compared]:
        """Return which cells of the source at a size are compared with the target's, and how.

        All if time allows, else every second one along both axes. `Compared` is of these, row by
        row, and of all valid cells of the target.
        """
        key = (source_size, target_size)
        if key not in self._compared:
            a, b = self.source_at(source_size), self.target_at(target_size)
            pairs = int(a.valid.sum()) * int(b.valid.sum())
            cells = every(a.valid, 1 if pairs <= MOST_PAIRS else 2)
            self._compared[key] = cells, Compared.of(a.vectors[cells], b.vectors[b.valid])
        return self._compared[key]

    def source_for(self, found: PlaneMap, near: Array) -> CellFeatures:
        """Return the source's features at the size up to which the target shows the same details.

        `found` maps cells of the source to cells of the target, and `near` are (n, 2) cells of the
        source that it was fitted to. A larger size is valid only where the target shows the source,
        and never larger than the photo.
        """
        here, there = self.source_at(1.0).cell, self.target_at(1.0).cell
        scale = found.scale(np.median(near, axis=0))
        most = self.source.photo.size.longest / self.source.grid.scaled.longest
        # Pixels of the target per pixel of the scaled source; more cells than the target's own take
        # more time than they are worth.
        detail = scale * np.sqrt(there.prod() / here.prod()) * most
        wanted = min(detail, max(1.0, scale))
        sizes = (*SMALLER, 1.0, *(size for size in LARGER if size <= 1.01 * most))
        size = min(sizes, key=lambda size: abs(np.log(size / wanted)))
        return self.source_at(size) if size <= 1 else self._part(size, found)

    def source_like(self, other: CellFeatures) -> CellFeatures:
        """Return the source's features at the size and of the part of others of that photo."""
        size = max(other.valid.shape) / max(self.source.valid.shape)
        if size == 1 or size in SMALLER:
            return self.source_at(size)
        at = centres(np.argwhere(other.valid)) / size
        return self._extracted(self.source, size, (at.min(axis=0), at.max(axis=0)))

    def _flattened(self, features: FeatureMap) -> FeatureMap:
        photo, grid = FlatPhoto(features.photo), features.grid
        key = key_of("flat 1", features.key)

        def extracted() -> Vectors:
            image = photo.scaled(grid.scaled)
            vectors: Vectors = self.extractor.extract(image[np.newaxis])[0]
            return vectors

        vectors = self.variants.vectors(key, (grid.rows, grid.columns), extracted)
        return FeatureMap(photo, grid, vectors, features.valid, key)

    def _at(self, of_source: bool, size: float) -> CellFeatures:
        key = (of_source, size)
        if key not in self._known:
            features = self.source if of_source else self.target
            self._known[key] = (
                CellFeatures.of(features) if size == 1 else self._extracted(features, size)
            )
        return self._known[key]

    def _part(self, size: float, found: PlaneMap) -> CellFeatures:
        """Extract the part of the source that the target shows, at a larger size."""
        small, target = self.source_at(1.0), self.target_at(1.0)
        at = centres(np.argwhere(small.valid))
        rows, columns = target.valid.shape
        mapped = found(at)
        seen = at[((mapped >= 0) & (mapped < [columns, rows])).all(axis=1) & found.in_view(at)]
        if not len(seen):
            return small
        return self._extracted(self.source, size, (seen.min(axis=0), seen.max(axis=0)))

    def _extracted(
        self, features: FeatureMap, size: float, part: tuple[Array, Array] | None = None
    ) -> CellFeatures:
        """Extract features at another size, all or those between two points in cells at size 1."""
        photo, patch = features.photo, self.extractor.patch
        cells = max(1, round(size * max(features.grid.rows, features.grid.columns)))
        grid = PatchGrid.fit(photo.size, cells * patch, patch)
        valid = photo.valid_cells(grid)
        if part is None:
            key = key_of(f"size {size} 1", features.key)
            whole = self.variants.vectors(
                key,
                (grid.rows, grid.columns),
                lambda: self.extractor.extract(photo.scaled(grid.scaled)[np.newaxis])[0],
            )
            return CellFeatures(unit(whole), valid, np.array(grid.cell_size))
        low, high = (np.floor(size * each).astype(int) for each in part)
        left, top = np.maximum(low - CONTEXT, 0)
        columns = slice(int(left), int(min(grid.columns, high[0] + 1 + CONTEXT)))
        rows = slice(int(top), int(min(grid.rows, high[1] + 1 + CONTEXT)))
        image = photo.scaled(grid.scaled)[
            rows.start * patch : rows.stop * patch, columns.start * patch : columns.stop * patch
        ]
        found = unit(self.extractor.extract(image[np.newaxis])[0])
        # Untouched zeros take no memory.
        vectors = np.zeros((grid.rows, grid.columns, found.shape[-1]), dtype=np.float32)
        vectors[rows, columns] = found
        inside = np.zeros_like(valid)
        inside[rows, columns] = valid[rows, columns]
        return CellFeatures(vectors, inside, np.array(grid.cell_size))


def every(valid: Flags, step: int) -> Flags:
    """Return the valid cells of every `step`-th row and column."""
    some = np.zeros_like(valid)
    some[::step, ::step] = valid[::step, ::step]
    return some
