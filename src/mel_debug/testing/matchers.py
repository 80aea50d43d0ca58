"""The conformance checks of a matcher."""

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
from mel_debug.testing.match_laws import (
    EVERY_CASE,
    INPUTS,
    ONE_A_QUERY,
    REPEATABLE,
    TOGETHER,
    require_equal,
    require_own_place,
    require_well_formed,
)
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
                require_own_place(query, match, target)

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
                require_equal(law, match, other)

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
        ONE_A_QUERY.require(wanted == found, f"{case}: its matches are of {found}, not of {wanted}")
        for match in matches:
            require_well_formed(match, target, case)
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
