"""Make the pictures of `reading-results.md`: a sure match, an unsure one, and a mole that is gone.

Run `python docs/make_pictures.py [NAME...]` in the checkout's root, with the extra `xfeat`. Skin
and moles are generated from seeds; each picture shows the first example that is found. The one of
the README, `found.jpg`, is `demo/found.jpg` of `mel-debug demo demo`, made smaller.
"""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from mel_debug import Finder, FoundMole
from mel_debug.core.geometry import Point
from mel_debug.synth import plan_pair, render

HERE = Path(__file__).parent
MEGAPIXELS = 3.0
MOLES = 14
WIDTH = 760
MOST_BYTES = 60_000
RIGHT_SHARE = 0.008
"""A place within this share of the longer side is right, as everywhere in mel-debug."""

Judged = tuple[FoundMole, Point | None]
"""A mole that was looked for, and its true place; None if it is gone."""


def judged(finder: Finder, seed: int, difficulty: float) -> Iterator[Judged]:
    """Every mole of a generated first photo, looked for in the second."""
    body, first, second = plan_pair(
        seed, megapixels=MEGAPIXELS, moles=MOLES, difficulty=difficulty, absent=0.3
    )
    before, after = render(body, first, 0), render(body, second, 1)
    truth = {mole.uuid: Point(mole.x, mole.y) for mole in after.moles}
    gone = {mole.uuid for mole in after.absent}
    wanted = [mole for mole in before.moles if mole.uuid in truth or mole.uuid in gone]
    images = [Image.fromarray(photo.pixels) for photo in (before, after)]
    found = finder.find_all(images[0], [(mole.x, mole.y) for mole in wanted], images[1])
    for mole, match in zip(wanted, found, strict=True):
        yield match, truth.get(mole.uuid)


def is_right(match: FoundMole, truth: Point | None) -> bool:
    """Whether a mole that is there was found at its place."""
    longest = match.target.photo.size.longest
    return truth is not None and truth.distance_to(match.match.best) < RIGHT_SHARE * longest


def sure(match: FoundMole, truth: Point | None) -> bool:
    return match.confidence.probability > 0.95 and is_right(match, truth)


def unsure(match: FoundMole, truth: Point | None) -> bool:
    return 0.15 < match.confidence.probability < 0.5 and is_right(match, truth)


def absent(match: FoundMole, truth: Point | None) -> bool:
    return match.confidence.probably_absent and truth is None


KINDS: dict[str, tuple[Callable[[FoundMole, Point | None], bool], float]] = {
    "good": (sure, 0.4),
    "not-sure": (unsure, 0.9),
    "absent": (absent, 0.4),
}
"""What each picture shows, and how difficult the photos are that it is taken from."""


def save(match: FoundMole, path: Path) -> None:
    """Save the renderer's picture, small enough for a page."""
    picture = Image.fromarray(match.render("pair"))
    picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.BOX)
    for quality in range(90, 20, -5):
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= MOST_BYTES:
            break
    path.write_bytes(data.getvalue())


def main(*names: str) -> None:
    """Make the pictures of these names, or all."""
    with Finder(extractor="xfeat", cache=False) as finder:
        for name in names or KINDS:
            fits, difficulty = KINDS[name]
            examples = (
                (seed, match)
                for seed in range(7, 60)
                for match, truth in judged(finder, seed, difficulty)
                if fits(match, truth)
            )
            seed, match = next(examples)
            save(match, HERE / f"{name}.jpg")
            print(f"{name}.jpg: seed {seed}, {match}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
