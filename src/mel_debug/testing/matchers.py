"""The laws of a matcher."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mel_debug.core.geometry import Size
from mel_debug.core.stages import BuildOptions, FeatureExtractor, Matcher, StageSpec
from mel_debug.core.types import FeatureMap, Mask, Match, Photo, Query
from mel_debug.testing.checks import ConformanceCheck, Rule, Subject, checks_of, run_all
from mel_debug.testing.common import common_rules
from mel_debug.testing.inputs import arrays_of, copies, locked, same
from mel_debug.testing.laws import Law
from mel_debug.testing.samples import (
    CELLS,
    SIZE,
    SampleExtractor,
    sample_features,
    sample_photo,
    sample_pixels,
    sample_query,
)

PLACES = ((0.31, 0.42), (0.72, 0.27), (0.56, 0.81))
"""Where sample moles lie, across and down the photo: far apart, off the cells' centres."""

EDGE = 0.999
CORNERS = ((0.0, 0.0), (EDGE, 0.0), (0.0, EDGE), (EDGE, EDGE))

SCORE_TOLERANCE = 0.001
"""By how much scores that should be equal may differ, as a share of their spread."""

EVERY_CASE = Law("answers every question that can come up", "handle this case")
ONE_A_QUERY = Law(
    "gives one match a query, in their order", "return [match for query in queries], uuids valid"
)
TARGETS_GRID = Law("scores cover the target's grid", "pass target.grid on")
NUMBERS = Law(
    "scores are float32, and finite wherever the target is kept",
    "look for a division by a length or a spread of zero",
)
PLAIN = Law(
    "score, best and what supports them are plain finite numbers",
    "wrap each in float(): JSON takes no numpy scalars, no NaN and no infinity",
)
MASKED = Law(
    "a masked cell never wins",
    "pass target.valid on and take the best of np.where(target.valid, scores, -np.inf)",
)
INSIDE = Law("the best place lies within the target photo", "clamp it to target.photo.size")
OWN_PLACE = Law(
    "a mole is found at its own place when the target is its source",
    "compare the vector at the mole's point, and turn the best cell into a point of the photo",
)
HIGHER = Law("a higher score is more alike", "give distances a minus")
INPUTS = Law("leaves queries and target as they were", "work on a copy")
TOGETHER = Law(
    "many queries are answered as each would be alone",
    "keep one query's numbers out of another's, except where two moles want one place",
)
REPEATABLE = Law("the same question gets the same answer", "seed what is random")


def matcher_checks(
    spec: StageSpec[Matcher],
    options: BuildOptions | None = None,
    *,
    extractor: FeatureExtractor | None = None,
    expected_failures: Mapping[str, str] = MappingProxyType({}),
) -> list[ConformanceCheck]:
    """The conformance checks of a matcher; see `extractor_checks`.

    `extractor` makes the features; by default it is a simple one that needs only numpy.
    """
    subject = Subject("matcher", Matcher, spec, options)
    return checks_of(subject, _rules(extractor or SampleExtractor()), expected_failures)


def check_matcher(
    spec: StageSpec[Matcher],
    options: BuildOptions | None = None,
    *,
    extractor: FeatureExtractor | None = None,
) -> None:
    """Run all checks of a matcher in one call. Raises ContractError for the first it fails."""
    run_all(matcher_checks(spec, options, extractor=extractor))


def _rules(extractor: FeatureExtractor) -> list[Rule[Matcher]]:
    def trial(
        check: "Callable[[_Trial], None]",
    ) -> Callable[[Subject[Matcher]], None]:
        return lambda subject: check(_Trial(subject.stage, extractor))

    return [
        *common_rules(lambda matcher: _Trial(matcher, extractor).use()),
        Rule(
            "read-only-inputs",
            "Queries and target may be read-only, and are not changed.",
            trial(_Trial.check_inputs),
        ),
        Rule(
            "own-place",
            "A mole is found at its own place where the target is its source.",
            trial(_Trial.check_own_places),
        ),
        Rule(
            "every-case",
            "Unusual photos, masks and places give finite matches inside the photo.",
            trial(_Trial.check_every_case),
        ),
        Rule("masks", "A cell that the mask hides never wins.", trial(_Trial.check_masks)),
        Rule(
            "together",
            "Many queries give what each gives alone, in any order and again.",
            trial(_Trial.check_together),
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Trial:
    """A matcher to check, with the extractor that makes its features."""

    matcher: Matcher
    extractor: FeatureExtractor

    def use(self) -> None:
        target = self.features(0)
        self.matcher.match(_queries(target), target, self.extractor)

    def check_inputs(self) -> None:
        target = self.features(0)
        queries = _queries(self.features(1))
        arrays = arrays_of(queries, target)
        before = copies(arrays)
        self.matches(queries, target, "three moles of another photo")
        INPUTS.require(same(arrays, before), "it wrote to an array it was given")
        locked(arrays)
        with INPUTS.covers("given read-only arrays"):
            self.matcher.match(queries, target, self.extractor)

    def check_own_places(self) -> None:
        for size in (SIZE, Size(210, 330)):
            target = self.features(0, size)
            queries = _queries(target)
            for query, match in zip(
                queries, self.matches(queries, target, "target is source"), strict=True
            ):
                _require_own_place(query, match, target)

    def check_every_case(self) -> None:
        source, target = self.features(1), self.features(0)
        other = self.features(2, Size(110, 170))
        (first, *_) = _queries(source)
        plain = Size(self.extractor.patch, self.extractor.patch)
        cases: dict[str, tuple[Query, FeatureMap]] = {
            "a target of another shape": (first, other),
            "a mole seen in two photos": (sample_query(source, other), target),
            "a mole seen in the target too": (sample_query(source, target), target),
            "a target of one cell": (first, self.features(0, plain, cells=1)),
            "a source of one cell": (sample_query(self.features(0, plain, cells=1)), target),
            "a target with one cell inside its mask": (first, self.features(0, mask=_dot_mask())),
            "a target all of one colour": (first, self.wall()),
            "a source all of one colour": (sample_query(self.wall()), target),
        }
        for across, down in CORNERS:
            corner = sample_query(source, across=across, down=down)
            cases[f"a mole at {across:g}, {down:g} of its photo's size"] = corner, target
        for case, (query, searched) in cases.items():
            self.matches([query], searched, case)

    def check_masks(self) -> None:
        """Each mole's own place is hidden, so that the natural winner is not allowed to win.

        Its vectors are left as they are: that a mask is painted over must not be relied on.
        """
        source = self.features(0)
        for query, (across, down) in zip(_queries(source), PLACES, strict=True):
            mask = _holed_mask(across, down)
            photo = Photo.of(sample_pixels(0), mask, name="sample with a hole")
            valid = photo.valid_cells(source.grid)
            target = FeatureMap(photo, source.grid, source.vectors.copy(), valid)
            self.matches([query], target, "a target whose mask hides the mole")

    def check_together(self) -> None:
        target = self.features(0)
        queries = _queries(target)
        together = self.matches(queries, target, "three moles")
        for law, again in (
            (REPEATABLE, self.matches(queries, target, "three moles again")),
            (ONE_A_QUERY, self.matches(queries[::-1], target, "three moles in reverse")[::-1]),
            (TOGETHER, [self.matches([query], target, "one mole")[0] for query in queries]),
        ):
            for match, other in zip(together, again, strict=True):
                _require_equal(law, match, other)

    def features(
        self, seed: int, size: Size = SIZE, *, mask: Mask | None = None, cells: int = CELLS
    ) -> FeatureMap:
        """The feature map of a sample photo."""
        return self._map_of(sample_photo(seed, size, mask), cells)

    def wall(self) -> FeatureMap:
        """The feature map of a photo all of one colour."""
        grey = np.full((SIZE.height, SIZE.width, 3), 128, dtype=np.uint8)
        return self._map_of(Photo.of(grey, name="sample wall"), CELLS)

    def _map_of(self, photo: Photo, cells: int) -> FeatureMap:
        image_size = cells * self.extractor.patch
        return sample_features(photo, extractor=self.extractor, image_size=image_size)

    def matches(self, queries: Sequence[Query], target: FeatureMap, case: str) -> list[Match]:
        """The matcher's answers, known to be well formed."""
        with EVERY_CASE.covers(case):
            matches = list(self.matcher.match(queries, target, self.extractor))
        wanted, found = [query.uuid for query in queries], [match.uuid for match in matches]
        ONE_A_QUERY.require(wanted == found, f"{case}: asked for {wanted}, it gave {found}")
        for match in matches:
            _require_well_formed(match, target, case)
        return matches


def _queries(source: FeatureMap) -> list[Query]:
    return [
        sample_query(source, across=across, down=down, number=number)
        for number, (across, down) in enumerate(PLACES, start=1)
    ]


def _dot_mask() -> Mask:
    """Keeps one cell of the sample photo."""
    mask = np.zeros((SIZE.height, SIZE.width), dtype=bool)
    side = SIZE.width // CELLS
    mask[4 * side : 5 * side, 6 * side : 7 * side] = True
    return mask


def _holed_mask(across: float, down: float) -> Mask:
    """Hides a place of the sample photo and some cells around it."""
    mask = np.ones((SIZE.height, SIZE.width), dtype=bool)
    row, column, reach = int(down * SIZE.height), int(across * SIZE.width), 20
    mask[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach] = False
    return mask


def _require_well_formed(match: Match, target: FeatureMap, case: str) -> None:
    TARGETS_GRID.require(match.grid == target.grid, f"{case}: its grid is {match.grid}")
    kept_scores = match.scores[target.valid]
    NUMBERS.require(
        match.scores.dtype == np.float32 and bool(np.isfinite(kept_scores).all()),
        f"{case}: it gave {match.scores.dtype}, {np.isfinite(kept_scores).mean():.0%} finite",
    )
    for name, number in _numbers_of(match):
        plain = isinstance(number, int | float) and bool(np.isfinite(number))
        PLAIN.require(plain, f"{case}: {name} is {number!r}")
    size, best = target.photo.size, match.best
    INSIDE.require(
        0 <= best.x < size.width and 0 <= best.y < size.height,
        f"{case}: it is ({best.x:g}, {best.y:g}) of a photo of {size}",
    )
    opened = int((match.valid & ~target.valid).sum())
    MASKED.require(opened == 0, f"{case}: it keeps {opened} cells that the target's mask hides")
    won = bool(target.valid[match.cell.row, match.cell.column])
    MASKED.require(won, f"{case}: ({best.x:g}, {best.y:g}) lies in a cell that the mask hides")


def _numbers_of(match: Match) -> list[tuple[str, float]]:
    """Every number of a match that a report may print, by name."""
    numbers = [("score", match.score), ("best.x", match.best.x), ("best.y", match.best.y)]
    numbers += (
        [("cycle_error_px", match.cycle_error_px)] if match.cycle_error_px is not None else []
    )
    numbers += [("moves_px", move) for move in match.moves_px]
    if match.refined_score is not None:
        numbers.append(("refined_score", match.refined_score))
    if match.position_std_px is not None:
        numbers.append(("position_std_px", match.position_std_px))
    return numbers + [(f"support[{name!r}]", each.value) for name, each in match.support.items()]


def _require_own_place(query: Query, match: Match, target: FeatureMap) -> None:
    """Found in the mole's cell or one beside it, so that pooled and refined places are welcome."""
    own, best = query.views[0].point, match.best
    cell, found = target.grid.cell_of(own), match.cell
    OWN_PLACE.require(
        abs(found.row - cell.row) <= 1 and abs(found.column - cell.column) <= 1,
        f"the mole at ({own.x:.1f}, {own.y:.1f}) was found at ({best.x:.1f}, {best.y:.1f}), "
        f"in a photo of {target.photo.size}",
    )
    score, usual = float(match.scores[cell.row, cell.column]), float(np.median(match.scores))
    HIGHER.require(score > usual, f"the mole's own cell scores {score:.3g}, the median {usual:.3g}")


def _require_equal(law: Law, match: Match, other: Match) -> None:
    spread = float(np.ptp(match.scores))
    apart = float(np.abs(match.scores - other.scores).max())
    moved = match.best.distance_to(other.best)
    law.require(
        moved < 0.5 and apart <= SCORE_TOLERANCE * spread,
        f"mole {match.uuid}: its place is {moved:.1f} pixels apart, its scores {apart:.3g}",
    )
