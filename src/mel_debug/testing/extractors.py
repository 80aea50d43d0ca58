"""The laws of a feature extractor."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.geometry import Size
from mel_debug.core.stages import BuildOptions, FeatureExtractor, StageSpec
from mel_debug.core.types import Vectors
from mel_debug.testing.checks import ConformanceCheck, Rule, Subject, checks_of, run_all
from mel_debug.testing.common import common_rules
from mel_debug.testing.laws import Law
from mel_debug.testing.samples import sample_pixels

TOLERANCE = 0.01
"""By how much vectors that should be equal may differ, as a share of the largest number in them.

Generous, for half-precision arithmetic adds up in another order when the batch has another size.
"""

SHAPES = ((1, 1), (1, 4), (3, 2), (5, 5))
"""Rows and columns of the images that are tried."""

PATCH = Law("patch is a whole number of pixels", "give the side of a patch as an int of 1 or more")
DECLARED_PATCH = Law(
    "the patch of the spec is that of the extractor",
    "a wrong `image_size` is refused by it before weights are loaded: make them equal",
)
IMAGE_SIZE = Law(
    "the image_size of the spec divides by its patch", "declare a multiple of the patch"
)
MEAN_COLOUR = Law(
    "mean_colour is three whole numbers from 0 to 255", "masked pixels are painted with it"
)
EVERY_SIZE = Law(
    "takes every image whose sides divide by the patch",
    "pad inside extract if the model needs more, and cut the answer to the image's own patches",
)
NUMPY = Law("gives a numpy array of float32", "convert with .float().cpu().numpy() or .astype()")
ONE_VECTOR_A_PATCH = Law(
    "gives one vector a patch",
    "return (count, height / patch, width / patch, dimensions), without class or register tokens",
)
SAME_DIMENSIONS = Law(
    "gives vectors of one length whatever the image", "vectors of two photos must compare"
)
FINITE = Law("gives finite numbers only", "look for a division by a spread or a length of zero")
BATCH = Law(
    "a batch gives what its images give one by one",
    "describe each image by its own pixels, never by a mean over the batch",
)
REPEATABLE = Law(
    "the same image gives the same vectors", "switch dropout off, and seed what is random"
)
INPUT = Law("leaves its images as they were", "work on a copy")
OUTPUT = Law("an answer stays as it was given", "return a new array from every call")
PIXELS = Law("what it gives depends on the pixels", "two different patches must differ somewhere")


def extractor_checks(
    spec: StageSpec[FeatureExtractor],
    options: BuildOptions | None = None,
    *,
    expected_failures: Mapping[str, str] = MappingProxyType({}),
) -> list[ConformanceCheck]:
    """The conformance checks of an extractor, built with `options`.

    `expected_failures` has the reason for each check, by name, that is known to fail. Raises
    ValueError for a name that no check has.
    """
    subject = Subject("extractor", FeatureExtractor, spec, options)
    return checks_of(subject, RULES, expected_failures)


def check_extractor(spec: StageSpec[FeatureExtractor], options: BuildOptions | None = None) -> None:
    """Run all checks of an extractor in one call. Raises ContractError for the first it fails."""
    run_all(extractor_checks(spec, options))


def _check_patch(subject: Subject[FeatureExtractor]) -> None:
    spec, patch = subject.spec, subject.stage.patch
    PATCH.require(isinstance(patch, int) and patch >= 1, f"it is {patch!r}")
    declared = spec.patch_for(subject.values)
    DECLARED_PATCH.require(declared == patch, f"they are {declared} and {patch}")


def _check_image_size(subject: Subject[FeatureExtractor]) -> None:
    """With default options only: a person who changes the patch also chooses the image size."""
    spec, patch = subject.spec, subject.spec.patch_for(subject.spec.values({}))
    fits = patch is None or (spec.image_size >= patch and spec.image_size % patch == 0)
    IMAGE_SIZE.require(fits, f"they are {spec.image_size} and {patch}")


def _check_mean_colour(subject: Subject[FeatureExtractor]) -> None:
    extractor = subject.stage
    colour: object = extractor.mean_colour
    good = (
        isinstance(colour, tuple | list)
        and len(colour) == 3
        and all(isinstance(part, int) and 0 <= part <= 255 for part in colour)
    )
    MEAN_COLOUR.require(good, f"it is {colour!r}")


def _check_sizes(subject: Subject[FeatureExtractor]) -> None:
    extractor = subject.stage
    dimensions = {_described(extractor, _images(extractor, 1, *shape)).shape[3] for shape in SHAPES}
    SAME_DIMENSIONS.require(len(dimensions) == 1, f"the lengths are {sorted(dimensions)}")


def _check_plain_images(subject: Subject[FeatureExtractor]) -> None:
    """A masked photo is mostly paint, so a patch of one colour is no rare thing."""
    extractor = subject.stage
    side = 2 * extractor.patch
    for colour in (extractor.mean_colour, (0, 0, 0), (255, 255, 255)):
        _described(extractor, np.full((1, side, side, 3), colour, dtype=np.uint8))


def _check_input(subject: Subject[FeatureExtractor]) -> None:
    extractor = subject.stage
    images = _images(extractor, 2, 2, 3)
    before = images.copy()
    _described(extractor, images)
    INPUT.require(np.array_equal(images, before), "it wrote to them")
    images.flags.writeable = False
    with INPUT.covers("given read-only images"):
        extractor.extract(images)


def _check_repetition(subject: Subject[FeatureExtractor]) -> None:
    extractor = subject.stage
    images = _images(extractor, 1, 3, 3)
    first = _described(extractor, images)
    kept = first.copy()
    _described(extractor, 255 - images)
    OUTPUT.require(np.array_equal(first, kept), "a second call changed the first call's answer")
    _require_equal(REPEATABLE, _described(extractor, images), first)


def _check_batch(subject: Subject[FeatureExtractor]) -> None:
    extractor = subject.stage
    images = _images(extractor, 3, 3, 2)
    together = _described(extractor, images)
    alone = np.concatenate([_described(extractor, image[np.newaxis]) for image in images])
    _require_equal(BATCH, together, alone)


def _check_pixels(subject: Subject[FeatureExtractor]) -> None:
    extractor = subject.stage
    vectors = _described(extractor, _images(extractor, 2, 2, 2)).reshape(8, -1)
    different = len(np.unique(vectors, axis=0))
    PIXELS.require(different > 1, "eight different patches got the same vector")


def _use(extractor: FeatureExtractor) -> None:
    extractor.extract(_images(extractor, 1, 2, 2))


RULES: list[Rule[FeatureExtractor]] = [
    *common_rules(_use),
    Rule("patch", "The patch is a whole number of pixels, the same as the spec's.", _check_patch),
    Rule("image-size", "The spec's image_size is a multiple of its patch.", _check_image_size),
    Rule("mean-colour", "mean_colour is three whole numbers, 0 to 255.", _check_mean_colour),
    Rule(
        "sizes",
        "Images of any whole number of patches give one finite float32 vector a patch.",
        _check_sizes,
    ),
    Rule("plain-images", "Images of one colour give finite vectors.", _check_plain_images),
    Rule("read-only-images", "Images may be read-only, and are not changed.", _check_input),
    Rule(
        "repetition", "Results are repeatable, and stay as they were returned.", _check_repetition
    ),
    Rule("batch", "A batch gives the vectors that its images give one by one.", _check_batch),
    Rule("pixels", "Different patches give different vectors.", _check_pixels),
]


def _require_equal(law: Law, vectors: Vectors, expected: Vectors) -> None:
    apart = float(np.abs(vectors - expected).max())
    largest = float(np.abs(expected).max())
    law.require(
        apart <= TOLERANCE * largest,
        f"they are up to {apart:.3g} apart where the largest number is {largest:.3g}",
    )


def _images(extractor: FeatureExtractor, count: int, rows: int, columns: int) -> NDArray[np.uint8]:
    """A batch of different images of rows x columns patches."""
    size = Size(columns * extractor.patch, rows * extractor.patch)
    return np.stack([sample_pixels(seed, size) for seed in range(count)])


def _described(extractor: FeatureExtractor, images: NDArray[np.uint8]) -> Vectors:
    """What the extractor gives for images, known to be good vectors."""
    count, height, width = images.shape[:3]
    case = f"for {count} image(s) of {Size(width, height)}"
    with EVERY_SIZE.covers(case):
        vectors = extractor.extract(images)
    is_array = isinstance(vectors, np.ndarray)
    kind = vectors.dtype if is_array else type(vectors).__name__
    NUMPY.require(is_array and vectors.dtype == np.float32, f"{case} it gave {kind}")
    expected = (count, height // extractor.patch, width // extractor.patch)
    ONE_VECTOR_A_PATCH.require(
        vectors.ndim == 4 and vectors.shape[:3] == expected and vectors.shape[3] > 0,
        f"{case} it gave {vectors.shape}, not {expected} and the dimensions",
    )
    FINITE.require(bool(np.isfinite(vectors).all()), f"{case} some are not")
    return vectors
