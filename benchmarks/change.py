"""How well changes between sessions are recognised: new, gone and grown moles, and unchanged ones.

    python benchmarks/change.py generated --pairs 10 --megapixels 5
    python benchmarks/change.py warps PHOTO... --level medium

`generated` draws people whose skin changes (see `synth --changing`) and who were not fitted to. Of
the moles that are in both sessions half have grown by 10 % in diameter. `warps` changes real photos
by known maps, with spots painted out; the photo with the spots painted out comes first, so that
they are new in the other one, and then last, so that they are gone. Nothing grows there, so that
the measures' intervals should hold 1.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mel_debug.changes.comparer import Comparer
from mel_debug.changes.measures import NAMES
from mel_debug.changes.places import Changes, Kind, Place
from mel_debug.changes.ratios import Ratio
from mel_debug.evaluation.change_scores import score_changes
from mel_debug.files.marks import ABSENT, marks_path
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth.from_photos import plan_from_photos
from mel_debug.synth.levels import WarpOptions
from mel_debug.synth.rendering import render
from mel_debug.synth.saved import marks_text, photo_files, write_new_files
from mel_debug.synth.sessions import plan_pair

GROWTH = 1.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    generated = kinds.add_parser("generated")
    generated.add_argument("--pairs", type=int, default=10)
    generated.add_argument("--first-seed", type=int, default=501)
    generated.add_argument("--megapixels", type=float, default=5.0)
    generated.add_argument("--moles", type=int, default=30)
    warps = kinds.add_parser("warps")
    warps.add_argument("photos", type=Path, nargs="+")
    warps.add_argument("--level", choices=("mild", "medium", "strong"), default="medium")
    warps.add_argument("--megapixels", type=float, default=5.0)
    warps.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    comparer = Comparer.of(resolve(RunConfig(extractor="xfeat", preset="accurate")))
    with tempfile.TemporaryDirectory() as folder:
        if given.kind == "generated":
            pairs, grown = generated_pairs(Path(folder), given)
        else:
            pairs, grown = warped_pairs(Path(folder), given), set()
        scores = score_changes(pairs, comparer, tick=ticked)
        print("\n".join(scores.lines()))
        report_growth(scores.found, grown)


def ticked(pairs: Sequence[tuple[Path, Path]], _label: str) -> Iterator[tuple[Path, Path]]:
    for number, pair in enumerate(pairs, 1):
        print(f"pair {number} of {len(pairs)}", flush=True)
        yield pair


def generated_pairs(
    folder: Path, given: argparse.Namespace
) -> tuple[list[tuple[Path, Path]], set[str]]:
    """Write pairs of sessions; returns them and the uuids of the moles that have grown."""
    pairs, grown = [], set()
    for seed in range(given.first_seed, given.first_seed + given.pairs):
        body, one, two = plan_pair(
            seed, megapixels=given.megapixels, moles=given.moles, difficulty=0.5, changing=True
        )
        moles = []
        for number, mole in enumerate(body.moles):
            growth = GROWTH if number % 2 else 1.0
            moles.append(replace(mole, growth=(1.0, growth), shade=(), stretch=()))
            if number % 2:
                grown.add(mole.uuid)
        body = replace(body, moles=tuple(moles))
        paths = []
        for session, shot in enumerate((one, two)):
            path = folder / str(seed) / f"202{session}_01_01" / "0.jpg"
            photo = render(body, shot, session)
            write_new_files(
                photo_files(path, photo)
                | {
                    marks_path(path): marks_text(photo.moles),
                    marks_path(path, ABSENT): marks_text(photo.absent),
                }
            )
            paths.append(path)
        pairs.append((paths[0], paths[1]))
    return pairs, grown


def warped_pairs(folder: Path, given: argparse.Namespace) -> list[tuple[Path, Path]]:
    """Write warped photos; returns each pair in both orders."""
    options = WarpOptions(level=given.level, megapixels=given.megapixels, seed=given.seed)
    pairs: list[tuple[Path, Path]] = []
    for planned in plan_from_photos(folder, given.photos, options):
        planned.write()
        first, second = planned.paths
        pairs += [(first, second), (second, first)]
    return pairs


def report_growth(found: Sequence[Changes], grown: set[str]) -> None:
    """How often growth is recognised, and how often intervals hold the truth."""
    there = (Kind.SAME, Kind.CHANGED)
    moles = [
        place
        for each in found
        for place in each.places
        if not place.is_new_spot and place.kind in there
    ]
    measured = [(place.uuid in grown, ratios_of(place)) for place in moles if ratios_of(place)]
    print(f"measured {len(measured)} of {len(moles)} moles found in both sessions")
    for grew, name in (
        (True, "growth by 10 % recognised"),
        (False, "no growth, reported as growth"),
    ):
        some = [ratios["diameter"].low > 1 for large, ratios in measured if large is grew]
        if some:
            print(f"{name}: {np.mean(some):.1%} of {len(some)}")
    for name in NAMES:
        truths = {"diameter": GROWTH, "area": GROWTH**2}
        holds = [
            ratios[name].low <= (truths.get(name, 1.0) if grew else 1.0) <= ratios[name].high
            for grew, ratios in measured
            if name in ratios
        ]
        if holds:
            print(f"the interval of {name} holds the truth: {np.mean(holds):.1%} of {len(holds)}")


def ratios_of(place: Place) -> dict[str, Ratio]:
    """The measures of a mole, empty where there are none."""
    return place.ratios if isinstance(place.ratios, dict) else {}


if __name__ == "__main__":
    main()
