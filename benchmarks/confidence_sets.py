"""The photos that confidence is fitted to and checked on, by kind.

`generated` are people as `mel-debug synth` makes them, `hard` are people with what makes real
photos fail (`--hard`), and `warps` are photos changed with exact truth (`--from`). Nobody and no
photo is both fitted to and checked on. A set lies in FOLDER/SET/KIND/NAME. The kind `unrelated` has
no photos of its own: each hard person is searched for in the photo of another one, where every mole
is absent.
"""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from mel_debug.evaluation.labelled import (
    LabelledMole,
    LabelledPair,
    labelled_pairs,
    read_labelled,
)

FIRST_SEED = {"train": 100, "test": 500}

PEOPLE = {
    "generated": {"train": 16, "test": 8},
    "hard": {"train": 48, "test": 12},
}
"""Number of people of each kind in each set: one part of the body on two days each."""

DIFFICULTIES = (0.5, 0.7, 0.9, 1.0)
MEGAPIXELS = (3.0, 3.0, 3.0, 6.0)
"""Cycled over people. Evidence must not depend on the size, so there is more than one."""

MOLES, ABSENT = 24, 0.25

LEVELS = ("mild", "medium", "strong")
WARP_SIZE = ("--megapixels", "4", "--moles", "40", "--absent", "0.5")

OWN_PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
"""Photos of scikit-image for the warps that are fitted to; those checked on are given."""

SHARES = {"generated": 1.0, "hard": 1.0, "unrelated": 0.05, "warps": 0.5}
"""How much the answers of each kind count together.

Photos that share nothing are easily told, and if they count more, moles of photos without a
geometry that do belong together are called absent: 9, 13 and 20 % of hard people's with 0.05, 0.1
and 0.25.

Warped photos keep their grain, and so are easier than a second session. A fit to them alone
accepted 9 or more wrong answers of 708 on a real pair; a fit to generated people accepted none.
"""

CAUTION = 2.0
"""How often each absent mole counts in the probability of a right match. They are few, and a mark
on the freckle beside is worse than an unsure answer. With 1, 2 and 3, on people and photos not
fitted to, 8, 3 and 2 of 200 were accepted, with the same coverage within 0.01. Now, cross-validated
over 48 hard people, 4 of 316 are with 2, 3 or 4, and the coverage is 0.91, 0.90 and 0.89."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One repository to generate: its folder, and the arguments of `mel-debug synth`."""

    root: Path
    arguments: tuple[str, ...]

    @property
    def done(self) -> Path:
        """A file that exists once the repository is complete."""
        return self.root.with_suffix(".done")

    def make(self) -> None:
        """Generate the photos; raises CalledProcessError if that fails."""
        command = [sys.executable, "-m", "mel_debug", "synth", str(self.root), *self.arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        self.done.touch()


def plans(folder: Path, photos: Sequence[Path]) -> Iterable[Plan]:
    """Yield all repositories; warps of `photos` are for the test only."""
    for kind, counts in PEOPLE.items():
        for name, count in counts.items():
            for number in range(count):
                person = FIRST_SEED[name] + number
                flags = ("--hard",) if kind == "hard" else ()
                yield Plan(folder / name / kind / str(person), (*_person(person, number), *flags))
    for name, sources in (("train", own_photos(folder)), ("test", photos)):
        for number, photo in enumerate(sources):
            for level in LEVELS:
                seed = str(FIRST_SEED[name] + number)
                root = folder / name / "warps" / f"{number:02d}-{photo.stem}-{level}"
                arguments = ("--from", str(photo), "--level", level, "--seed", seed, *WARP_SIZE)
                yield Plan(root, arguments)


def _person(seed: int, number: int) -> tuple[str, ...]:
    values = {
        "seed": seed,
        "photos": 1,
        "sessions": 2,
        "moles": MOLES,
        "absent": ABSENT,
        "megapixels": MEGAPIXELS[number % len(MEGAPIXELS)],
        "difficulty": DIFFICULTIES[number // len(MEGAPIXELS) % len(DIFFICULTIES)],
    }
    return tuple(text for name, value in values.items() for text in (f"--{name}", str(value)))


def own_photos(folder: Path) -> list[Path]:
    """Write the photos of scikit-image to FOLDER/photos and return their paths."""
    from skimage import data

    paths = [folder / "photos" / f"{name}.png" for name in OWN_PHOTOS]
    for name, path in zip(OWN_PHOTOS, paths, strict=True):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(getattr(data, name)()).save(path)
    return paths


def roots_of(folder: Path, name: str) -> dict[str, list[Path]]:
    """Return the complete repositories of a set by kind; kinds without any are left out."""
    found = {}
    for kind in SHARES:
        done = sorted((folder / name / kind).glob("*.done"))
        if done:
            found[kind] = [path.with_suffix("") for path in done]
    return found


def pairs_within(roots: Sequence[Path]) -> list[LabelledPair]:
    """Return the pairs of each repository; photos of two repositories are no pair."""
    return [
        pair
        for pair in labelled_pairs(roots)
        if any(pair.source.is_relative_to(r) and pair.target.is_relative_to(r) for r in roots)
    ]


def unrelated_pairs(roots: Sequence[Path]) -> list[LabelledPair]:
    """Return a pair of the first photos of each repository and the next one: all is absent."""
    photos = [read_labelled([root])[0] for root in roots]
    return [
        LabelledPair(
            source.path,
            target.path,
            tuple(LabelledMole(uuid, point, None) for uuid, point in source.moles.items()),
        )
        for source, target in zip(photos, [*photos[1:], *photos[:1]], strict=True)
    ]


def pairs_of(folder: Path, name: str) -> dict[str, list[LabelledPair]]:
    """Return the pairs of a set by kind."""
    roots = roots_of(folder, name)
    found = {kind: pairs_within(each) for kind, each in roots.items()}
    if len(roots.get("hard", ())) > 1:
        found["unrelated"] = unrelated_pairs(roots["hard"])
    return found


def weights_of(kinds: Sequence[str]) -> list[float]:
    """Return a weight for each answer, by its kind: each kind counts as much as its share."""
    return [SHARES[kind] / kinds.count(kind) for kind in kinds]
