"""How often places of flat pictures are found under strong homographies, beside SIFT.

    python benchmarks/planes.py                    # photos of scikit-image
    python benchmarks/planes.py PHOTO... [--places 24] [--case tilt4 --case half]

Each picture is warped by a homography of each case, and its light, sharpness, noise and compression
change. Random places in view of both pictures are searched; what they show need not be a spot.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from default_search import DefaultSearch
from mel_debug.core.geometry import Point
from mel_debug.core.types import Photo
from mel_debug.files.photos import read_photo
from tables import machine, show

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Case:
    """A homography but for its random direction and perspective.

    `tilt` is the ratio of its scales in the middle of the picture, `turn` its rotation in degrees
    and `scale` the larger of the two scales.
    """

    tilt: float
    turn: float
    scale: float


CASES = {
    "tilt2": Case(2.0, 15, 1.0),
    "tilt4": Case(4.0, 10, 1.3),
    "turn45x2": Case(1.15, 45, 2.0),
    "turn30x3": Case(1.1, 30, 3.0),
    "turn120": Case(1.2, 120, 0.8),
    "half": Case(1.2, -20, 0.45),
}

PICTURES = (
    "astronaut", "camera", "chelsea", "coffee", "coins", "hubble_deep_field",
    "immunohistochemistry", "moon", "retina", "rocket", "brick", "gravel", "grass",
)  # fmt: skip
"""Pictures of scikit-image that are installed with it."""

LONGEST = 1000
"""Pixels of the longer side of each picture."""

PERSPECTIVE = 0.25
"""Standard deviation of how much closer one end of a picture is than the opposite one."""

MARGIN = 0.05
"""Share of a side that places keep from it, in both pictures."""

WITHIN = 0.01
"""Largest error of a right place, as a share of the longer side."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one place; errors are shares of the longer side."""

    error: float
    accepted: bool
    sift_error: float


def pictures(photos: Sequence[Path]) -> Iterator[tuple[str, Pixels]]:
    """Yield names and pictures, (H, W, 3), `LONGEST` pixels long."""
    from skimage import data

    own = ((path.stem, read_photo(path).pixels) for path in photos)
    for name, pixels in own if photos else ((name, getattr(data, name)()) for name in PICTURES):
        colour = pixels if pixels.ndim == 3 else np.repeat(pixels[..., np.newaxis], 3, axis=2)
        factor = LONGEST / max(colour.shape[:2])
        size = [round(side * factor) for side in colour.shape[1::-1]]
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        yield name, np.asarray(cv2.resize(colour, size, interpolation=how))


def homography(case: Case, size: Array, rng: np.random.Generator) -> Array:
    """Return a (3, 3) matrix that maps pixels (x, y) of a picture, whose middle stays."""
    direction = rng.uniform(0, np.pi)
    to_middle, perspective, linear, back = (np.eye(3) for _ in range(4))
    to_middle[:2, 2], back[:2, 2] = -size / 2, size / 2
    perspective[2, :2] = rng.normal(size=2) * PERSPECTIVE / size.max()
    squeezed = rotation(-direction) @ np.diag([1 / case.tilt, 1.0]) @ rotation(direction)
    linear[:2, :2] = case.scale * rotation(np.deg2rad(case.turn)) @ squeezed
    matrix: Array = back @ linear @ perspective @ to_middle
    return matrix


def rotation(angle: float) -> Array:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def mapped(matrix: Array, places: Array) -> Array:
    """Map (n, 2) places; NaN for those behind the camera."""
    x, y, w = matrix @ np.column_stack([places, np.ones(len(places))]).T
    w = np.where(w > 0, w, np.nan)
    return np.column_stack([x / w, y / w])


def photographed(picture: Pixels, matrix: Array, scale: float, rng: np.random.Generator) -> Pixels:
    """Return the warped picture in other light, with blur, noise and the loss of a JPEG."""
    # OpenCV does not average the pixels that a smaller picture has no room for.
    fine = cv2.GaussianBlur(picture, (0, 0), 0.4 / scale) if scale < 1 else picture
    how, grey = cv2.INTER_CUBIC, (90, 90, 90)
    warped = cv2.warpPerspective(fine, matrix, picture.shape[1::-1], flags=how, borderValue=grey)
    seen = cv2.GaussianBlur(warped, (0, 0), 0.8) * rng.uniform(0.75, 1.15)
    noisy = (seen + 4 * rng.normal(size=seen.shape)).clip(0, 255).astype(np.uint8)
    _, encoded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def shared_places(matrix: Array, size: Array, count: int, rng: np.random.Generator) -> Array:
    """Return up to `count` random (n, 2) places that lie in both pictures."""
    places = rng.uniform(MARGIN, 1 - MARGIN, (200 * count, 2)) * size
    share = mapped(matrix, places) / size
    return places[((share > MARGIN) & (share < 1 - MARGIN)).all(axis=1)][:count]


def by_sift(source: Pixels, target: Pixels) -> Array | None:
    """Return the homography of SIFT, the ratio test and MAGSAC++; None if it finds none."""
    sift, ratio = cv2.SIFT.create(8000, contrastThreshold=0.004), 0.8
    (here, first), (there, second) = (
        sift.detectAndCompute(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), None)
        for each in (source, target)
    )
    if first is None or second is None:
        return None
    nearest = cv2.BFMatcher().knnMatch(first, second, k=2)
    good = [
        pair[0]
        for pair in nearest
        if len(pair) == 2 and pair[0].distance < ratio * pair[1].distance
    ]
    if len(good) < 4:
        return None
    a = np.array([here[match.queryIdx].pt for match in good])
    b = np.array([there[match.trainIdx].pt for match in good])
    matrix, _ = cv2.findHomography(a, b, cv2.USAC_MAGSAC, 3.0)
    return None if matrix is None else np.asarray(matrix)


class Search(DefaultSearch):
    """The search for places of pictures."""

    def answers(self, picture: Pixels, case: Case, count: int, seed: int) -> list[Answer]:
        """Search random places of a picture in it as it is photographed."""
        rng = np.random.default_rng(seed)
        size = np.array(picture.shape[1::-1], dtype=float)
        matrix = homography(case, size, rng)
        target = photographed(picture, matrix, case.scale, rng)
        places = shared_places(matrix, size, count, rng)
        if not len(places):
            return []
        source, photo = Photo.of(picture), Photo.of(target)
        marks = {str(number): [(source, Point(*place))] for number, place in enumerate(places)}
        located = self.located(marks, photo)
        truth = mapped(matrix, places)
        found = by_sift(picture, target)
        sifted = np.full_like(truth, np.inf) if found is None else mapped(found, places)
        sift_errors = np.nan_to_num(np.hypot(*(sifted - truth).T) / size.max(), nan=np.inf)
        answers = []
        for match in located.matches:
            number = int(match.uuid)
            assert match.confidence is not None
            error = match.best.distance_to(Point(*truth[number])) / size.max()
            accepted = not match.confidence.uncertain
            answers.append(Answer(error, accepted, float(sift_errors[number])))
        return answers


def row(name: str, answers: Sequence[Answer]) -> list[object]:
    right = [answer.error <= WITHIN for answer in answers]
    accepted = [answer for answer in answers if answer.accepted]
    return [
        name,
        len(answers),
        float(np.mean(right)),
        len(accepted) / len(answers),
        sum(answer.error > WITHIN for answer in accepted),
        float(np.mean([answer.sift_error <= WITHIN for answer in answers])),
    ]


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--places", default=24, type=click.IntRange(min=1), help="Places in each picture and case."
)
@click.option("--case", "cases", multiple=True, type=click.Choice(list(CASES)), help="Repeatable.")
def main(photos: tuple[Path, ...], places: int, cases: tuple[str, ...]) -> None:
    """Print a table of PCK@0.01, coverage and wrong answers that are accepted, by case."""
    click.echo(machine())
    search, found = Search(), {name: list[Answer]() for name in cases or CASES}
    for picture_name, picture in pictures(photos):
        for name, answers in found.items():
            seed = crc32(f"{picture_name} {name}".encode())
            new = search.answers(picture, CASES[name], places, seed)
            answers.extend(new)
            if new:
                click.echo(" ".join(map(str, row(f"{picture_name} {name}", new))), err=True)
    everything = [answer for answers in found.values() for answer in answers]
    head = ("case", "places", "PCK@.01", "coverage", "wrong", "SIFT PCK@.01")
    rows = [row(name, answers) for name, answers in found.items() if answers]
    show("planes under homographies", head, [*rows, row("all", everything)])


if __name__ == "__main__":
    main()
