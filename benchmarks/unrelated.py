"""How many moles are accepted in photos that share nothing with theirs.

    python benchmarks/unrelated.py [PHOTO...] [--people 12] [--megapixels 1]
    python benchmarks/unrelated.py --repository DIR --repository DIR    # people generated before

Every mole and dark spot of a generated person is searched in the photo of the next person, in the
mirrored photo of its own session, and in one of scikit-image's photos or a given PHOTO. All are
absent. Spots of a photo are searched together, as that costs little more than one, so the number of
queries is that of pairs times that of spots; queries of a pair are not independent, which is why
both are counted.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from PIL import Image

from mel_debug.builtin.matchers.geometric.sized_blobs import blobs
from mel_debug.core.geometry import Point, Size
from mel_debug.core.types import Photo
from mel_debug.evaluation.labelled import labelled_pairs
from mel_debug.files.photos import read_photo
from mel_debug.matching.locate import locate
from mel_debug.plugins.config import RunConfig, resolve
from tables import machine, show

FIRST_SEED = 900
SCENES = ("astronaut", "chelsea", "coffee", "rocket", "cat", "immunohistochemistry")
"""Colour photos of scikit-image."""


def generate(folder: Path, seed: int, megapixels: float, moles: int) -> None:
    """Generate a person with two sessions; hard ones and others in turn."""
    hard = ("--hard",) if seed % 2 else ()
    sizes = ("--photos", 1, "--sessions", 2, "--moles", moles, "--absent", 0)
    options = ("--seed", seed, "--megapixels", megapixels, *sizes, *hard)
    command = [sys.executable, "-m", "mel_debug", "synth", str(folder), *map(str, options)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def smaller(path: Path, megapixels: float) -> tuple[Photo, float]:
    """Return a photo at about this size at most, and the factor by which it is smaller."""
    photo = read_photo(path)
    factor = min(1.0, (megapixels * 1e6 / (photo.size.width * photo.size.height)) ** 0.5)
    size = Size(round(photo.size.width * factor), round(photo.size.height * factor))
    mask = None
    if photo.mask is not None:
        mask = np.asarray(Image.fromarray(photo.mask).resize((size.width, size.height))) > 0
    return Photo.of(photo.scaled(size), mask, name=path.name), factor


def mirrored(photo: Photo) -> Photo:
    """Return the photo as a mirror shows it, under a name of its own."""
    mask = None if photo.mask is None else np.ascontiguousarray(photo.mask[:, ::-1])
    return Photo.of(np.ascontiguousarray(photo.pixels[:, ::-1]), mask, name="mirrored")


def scenes(photos: Sequence[Path], megapixels: float) -> Iterator[Photo]:
    """Yield photos of other scenes at about this size, again and again."""
    from skimage import data

    images = [Image.fromarray(getattr(data, name)()) for name in SCENES]
    images += [Image.open(path).convert("RGB") for path in photos]
    while True:
        for image in images:
            factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
            size = (round(image.width * factor), round(image.height * factor))
            yield Photo.of(np.asarray(image.resize(size, Image.Resampling.BICUBIC)), name="scene")


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--people", default=12, show_default=True)
@click.option("--megapixels", default=1.0, show_default=True)
@click.option("--moles", default=24, show_default=True)
@click.option("--spots", default=30, show_default=True, help="Dark spots searched besides moles.")
@click.option("--repository", "repositories", multiple=True, type=click.Path(path_type=Path))
def main(
    photos: tuple[Path, ...],
    people: int,
    megapixels: float,
    moles: int,
    spots: int,
    repositories: tuple[Path, ...],
) -> None:
    """Print how many moles are accepted, by kind of pair."""
    run = resolve(RunConfig(extractor="xfeat", no_cache=True))
    features, matcher, judge = run.build_features(), run.build_matcher(), run.judge()
    others = scenes(photos, megapixels)
    counts = {kind: np.zeros(4, dtype=int) for kind in ("next person", "mirrored", "other scene")}
    with tempfile.TemporaryDirectory() as work:
        roots = list(repositories) or [Path(work) / str(number) for number in range(people)]
        if not repositories:
            for number, root in enumerate(roots):
                generate(root, FIRST_SEED + number, megapixels, moles)
        pairs = [next(iter(labelled_pairs([root]))) for root in roots]
        for number, pair in enumerate(pairs):
            source, factor = smaller(pair.source, megapixels)
            places = [(factor * mole.point.x, factor * mole.point.y) for mole in pair.moles]
            places += (blobs(source)[:spots, :2] * source.size.longest).tolist()
            marks = {str(each): [(source, Point(*each))] for each in places}
            another, _ = smaller(pairs[(number + 1) % len(pairs)].target, megapixels)
            targets = (another, mirrored(source), next(others))
            for kind, target in zip(counts, targets, strict=True):
                matches = locate(marks, target, features, matcher, judge).matches
                accepted = sum(
                    match.confidence is not None and not match.confidence.uncertain
                    for match in matches
                )
                geometry = any(match.method == "geometry" for match in matches)
                counts[kind] += [1, geometry, len(matches), accepted]
                click.echo(f"{number} {kind}: {accepted} of {len(matches)}, {geometry}", err=True)
    rows: list[list[object]] = [[kind, *map(int, count)] for kind, count in counts.items()]
    rows.append(["all", *map(int, np.sum(list(counts.values()), axis=0))])
    head = ["target", "pairs", "with a geometry", "queries", "accepted"]
    show(f"Photos that share nothing, {megapixels:g} megapixels ({machine()})", head, rows)


if __name__ == "__main__":
    main()
