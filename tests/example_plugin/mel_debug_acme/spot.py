"""A renderer: the target in the dark, with a light on the best match."""

from dataclasses import dataclass

import numpy as np

from mel_debug.core.types import FeatureMap, Match, Pixels, Query


@dataclass(frozen=True)
class Spot:
    """A round light of `radius` cells."""

    radius: float

    def render(self, query: Query, target: FeatureMap, match: Match) -> Pixels:
        """(height, width, 3) uint8 RGB, as large as the extractor saw the photo."""
        grid = match.grid
        # Points are in pixels of the photo; only the grid knows how it was scaled.
        light = grid.to_scaled(match.best)
        # What `scaled` gives is shared, so we draw on a copy.
        picture = target.photo.scaled(grid.scaled).copy()
        rows, columns = np.ogrid[: grid.scaled.height, : grid.scaled.width]
        away = np.hypot(columns + 0.5 - light.x, rows + 0.5 - light.y)
        picture[away > self.radius * grid.patch] //= 4
        return picture
