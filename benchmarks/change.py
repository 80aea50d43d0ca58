"""How well changes between sessions are recognised: new, gone and grown moles, and unchanged ones.

    python benchmarks/change.py generated --pairs 6 --megapixels 5 --first-seed 521
    python benchmarks/change.py warps PHOTO... --level medium
    python benchmarks/change.py itself PHOTO...
    python benchmarks/change.py history --photos 8 --megapixels 12

`generated` draws people whose skin changes (see `synth --changing`) and who were not fitted to. Of
the moles that are in both sessions half have grown by 10 % in diameter. `warps` changes real photos
by known maps, with spots painted out and half of the others magnified by 20 %; the photo with the
spots painted out comes first, so that they are new in the other one, and then last, so that they
are gone. `itself` compares photos with themselves, where nothing may be listed but what can't be
told. `history` compares the time of `mel-debug history` with that of one accurate search a photo.
Each mistake is listed. With `--folder` photos are kept, and used again if they are there;
features are cached there too.
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from mel_debug.changes.changes_report import counts
from mel_debug.changes.comparer import Comparer
from mel_debug.changes.history_report import ratio_text
from mel_debug.changes.measures import NAMES
from mel_debug.changes.places import Changes, Kind, Place
from mel_debug.changes.ratios import Ratio
from mel_debug.changes.sessions import compare_sessions, marks_of
from mel_debug.core.geometry import Point, Size
from mel_debug.core.photo import Photo
from mel_debug.core.types import Pixels
from mel_debug.evaluation.change_scores import score_changes
from mel_debug.files.discovery import find_photos
from mel_debug.files.marks import ABSENT, marks_path
from mel_debug.files.photos import read_photo
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth.from_photos import warped_views
from mel_debug.synth.levels import WarpOptions, draw_change
from mel_debug.synth.photo_spots import spots_of
from mel_debug.synth.rendering import MolePosition, RenderedPhoto, render
from mel_debug.synth.repository import begin_repository, plan_repository
from mel_debug.synth.saved import marks_text, photo_files, write_new_files
from mel_debug.synth.sessions import plan_pair
from mel_debug.synth.warped import warped
from processes import python, run

GROWTH, MAGNIFIED = 1.1, 1.2
"""Growth of half the moles, on generated and on warped photos."""

CORE, RIM = 3.0, 6.0
"""Radii in sigmas of a spot: within the first it is magnified, from the second on nothing is."""

GROWN = "grown.json"
"""File beside the photos of a pair with the growth of its moles by uuid."""

Pair = tuple[Path, Path]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    generated = kinds.add_parser("generated")
    generated.add_argument("--pairs", type=int, default=10)
    generated.add_argument("--first-seed", type=int, default=501)
    generated.add_argument("--moles", type=int, default=30)
    warps = kinds.add_parser("warps")
    warps.add_argument("photos", type=Path, nargs="+")
    warps.add_argument("--level", choices=("mild", "medium", "strong"), default="medium")
    warps.add_argument("--seed", type=int, default=7)
    for each in (generated, warps):
        each.add_argument("--megapixels", type=float, default=5.0)
        each.add_argument("--folder", type=Path, help="where photos and features are kept")
    itself = kinds.add_parser("itself")
    itself.add_argument("photos", type=Path, nargs="+")
    history = kinds.add_parser("history")
    history.add_argument("--photos", type=int, default=8)
    history.add_argument("--megapixels", type=float, default=12.0)
    history.add_argument("--seed", type=int, default=31)
    given = parser.parse_args()
    if given.kind == "history":
        time_history(given)
        return
    with ExitStack() as stack:
        folder = getattr(given, "folder", None)
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wanted = RunConfig(extractor="xfeat", preset="accurate", cache_dir=folder / "features")
        comparer = Comparer.of(resolve(wanted))
        if given.kind == "itself":
            report_itself(given.photos, comparer)
            return
        made = generated_pairs if given.kind == "generated" else warped_pairs
        pairs = made(folder, given)
        scores = score_changes(pairs, comparer, tick=ticked)
        print("\n".join([*scores.lines(), *scores.misses()]))
        report_growth(scores.found, [grown_in(pair) for pair in pairs])


def report_itself(photos: Sequence[Path], comparer: Comparer) -> None:
    """Compare photos with themselves."""
    for photo in photos:
        for marks in (True, False):
            found = compare_sessions([(photo, photo)], comparer, use_target_marks=marks)
            print(f"{photo}, {'with' if marks else 'without'} marks: {counts(found)}")


def time_history(given: argparse.Namespace) -> None:
    """Time a mole's history and single searches in each photo; all processes, features cached."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        planned = plan_repository(
            root,
            given.seed,
            photos=1,
            sessions=given.photos,
            moles=12,
            megapixels=given.megapixels,
            difficulty=0.5,
            absent=0.0,
        )
        begin_repository(root)
        for made in planned:
            made.write()
        first, *later = sorted(find_photos([root]))
        uuid = next(iter(marks_of(first)))
        for photo in later:  # so that each photo is searched
            marks_path(photo).unlink()
        stages = ["--extractor", "xfeat"]
        command = ["-m", "mel_debug"]
        cache, other = root / "cache", root / "other"
        run(python(*command, "precalc", str(root), *stages, "--cache-dir", str(cache)))
        # Features are cached for both, but neither may use the geometry that the other stores.
        shutil.copytree(cache, other)
        stages += ["--preset", "accurate", "--cache-dir"]
        searches = []
        for number, photo in enumerate(later):
            asked = ["dino3-map", str(root / f"{number}.jpg"), str(photo), uuid, str(first)]
            searches.append(run(python(*command, *asked, *stages, str(cache))))
        followed = run(python(*command, "history", uuid, str(root), "--csv", *stages, str(other)))
        for name in ("seconds", "busy"):
            each = np.mean([getattr(search, name) for search in searches])
            whole = getattr(followed, name)
            print(
                f"{'wall' if name == 'seconds' else 'processor'} time: history of {given.photos} "
                f"photos {whole:.1f} s, one search {each:.2f} s; "
                f"{whole / each / given.photos:.2f} of one search a photo"
            )


def ticked(pairs: Sequence[tuple[Path, Path]], _label: str) -> Iterator[tuple[Path, Path]]:
    for number, pair in enumerate(pairs, 1):
        print(f"pair {number} of {len(pairs)}", flush=True)
        yield pair


def generated_pairs(folder: Path, given: argparse.Namespace) -> list[Pair]:
    """Write pairs of sessions with half the moles grown."""
    pairs = []
    for seed in range(given.first_seed, given.first_seed + given.pairs):
        first, second = (folder / str(seed) / f"202{day}_01_01" / "0.jpg" for day in (0, 1))
        pairs.append((first, second))
        if first.exists():
            continue
        body, *shots = plan_pair(
            seed, megapixels=given.megapixels, moles=given.moles, difficulty=0.5, changing=True
        )
        moles, grown = [], {}
        for number, mole in enumerate(body.moles):
            growth = GROWTH if number % 2 else 1.0
            moles.append(replace(mole, growth=(1.0, growth), shade=(), stretch=()))
            grown[mole.uuid] = growth
        body = replace(body, moles=tuple(moles))
        shown = [render(body, shot, session) for session, shot in enumerate(shots)]
        write_pair((first, second), (shown[0], shown[1]), grown)
    return pairs


def warped_pairs(folder: Path, given: argparse.Namespace) -> list[Pair]:
    """Write warped photos; returns each pair in both orders."""
    options = WarpOptions(level=given.level, megapixels=given.megapixels, seed=given.seed)
    pairs: list[Pair] = []
    for number, path in enumerate(given.photos):
        part = folder / f"{number}-{given.level}-{given.seed}"
        first, second = (part / f"202{day}_01_01" / "0.jpg" for day in (0, 1))
        pairs += [(first, second), (second, first)]
        if not first.exists():
            shown, grown = warped_pair(path, options)
            write_pair((first, second), shown, grown)
    return pairs


def warped_pair(
    path: Path, options: WarpOptions
) -> tuple[tuple[RenderedPhoto, RenderedPhoto], dict[str, float]]:
    """A photo, and a warped view with spots painted out and others magnified; and the growth."""
    original = read_photo(path)
    before = next(warped_views(original, list(marks_of(path).values()), options)).photo
    size = Size(before.pixels.shape[1], before.pixels.shape[0])
    small = Photo.of(before.pixels, before.mask)
    found = spots_of(small, [Point(mole.x, mole.y) for mole in before.moles], options.spots)
    spots = [spot for spot in found if spot.contrast >= LEAST_MAGNIFIED]
    grown = {spot.uuid: MAGNIFIED if number % 2 else 1.0 for number, spot in enumerate(spots)}
    finer = original.size.width / size.width
    pixels = original.pixels.copy()
    for spot in spots:
        if grown[spot.uuid] > 1:
            magnify(pixels, spot.point, spot.sigma, finer)
    rng = np.random.default_rng([options.seed, 61, int(spots[0].uuid[:12], 16)])
    change = draw_change(rng, size, [spot.point for spot in spots], options, detail=finer)
    after = warped(Photo.of(pixels, original.mask), change, spots, rng, absent=options.absent)
    marks = tuple(MolePosition(spot.uuid, spot.point.x, spot.point.y) for spot in spots)
    return (replace(before, moles=marks), after), grown


LEAST_MAGNIFIED = 0.1
"""Least contrast of a spot that is marked: of a paler one neither size nor place is known."""


def magnify(pixels: Pixels, point: Point, sigma: float, finer: float) -> None:
    """Enlarge a spot of a photo in place; `point` and `sigma` are for a photo less fine."""
    import cv2

    x, y, rim = point.x * finer, point.y * finer, RIM * sigma * finer
    left, top = max(0, int(x - rim)), max(0, int(y - rim))
    part = pixels[top : int(y + rim) + 2, left : int(x + rim) + 2]
    down, across = np.mgrid[: part.shape[0], : part.shape[1]] + 0.5
    across, down = across + left - x, down + top - y
    share = np.clip((np.hypot(across, down) / (sigma * finer) - CORE) / (RIM - CORE), 0, 1)
    share = share**2 * (3 - 2 * share)  # no kink at either end
    factor = share + (1 - share) / MAGNIFIED
    map_x = (across * factor + x - left - 0.5).astype(np.float32)
    map_y = (down * factor + y - top - 0.5).astype(np.float32)
    border = cv2.BORDER_REPLICATE
    part[...] = cv2.remap(part.copy(), map_x, map_y, cv2.INTER_CUBIC, borderMode=border)


def write_pair(
    paths: Pair, shown: tuple[RenderedPhoto, RenderedPhoto], grown: Mapping[str, float]
) -> None:
    """Write two photos with their truth. What is new in the second is absent from the first."""
    here = {mole.uuid for mole in shown[0].moles}
    for path, photo in zip(paths, shown, strict=True):
        write_new_files(
            photo_files(path, photo)
            | {
                marks_path(path): marks_text(photo.moles),
                marks_path(path, ABSENT): marks_text(photo.absent),
            }
        )
    (paths[0].parents[1] / GROWN).write_text(
        json.dumps({uuid: growth for uuid, growth in grown.items() if uuid in here})
    )


def grown_in(pair: Pair) -> dict[str, float]:
    """The true growth of moles from the first to the second photo of a pair."""
    first, second = pair
    stored: dict[str, float] = json.loads((first.parents[1] / GROWN).read_text())
    backwards = first.parent.name > second.parent.name
    return {uuid: 1 / growth if backwards else growth for uuid, growth in stored.items()}


def report_growth(found: Sequence[Changes], grown: Sequence[Mapping[str, float]]) -> None:
    """How often growth is recognised, and how often intervals hold the truth."""
    there = (Kind.SAME, Kind.CHANGED)
    moles = [
        (growths.get(place.uuid or "", 1.0), place)
        for each, growths in zip(found, grown, strict=True)
        for place in each.places
        if not place.is_new_spot and place.kind in there
    ]
    measured = [(growth, ratios_of(place)) for growth, place in moles if ratios_of(place)]
    print(f"measured {len(measured)} of {len(moles)} moles found in both sessions")
    for growth in sorted({growth for growth, _ in measured}):
        some = [ratios["diameter"] for true, ratios in measured if true == growth]
        larger = np.mean([ratio.low > 1 for ratio in some])
        smaller = np.mean([ratio.high < 1 for ratio in some])
        value = np.median([ratio.value for ratio in some])
        print(
            f"growth by {growth - 1:+.0%}: reported as growth {larger:.1%}, as shrinking "
            f"{smaller:.1%} of {len(some)}; measured as {value:.3f} (median)"
        )
    for name in NAMES:
        power = {"diameter": 1, "area": 2}.get(name, 0)
        holds = [
            ratios[name].low <= growth**power <= ratios[name].high
            for growth, ratios in measured
            if name in ratios
        ]
        if holds:
            print(f"the interval of {name} holds the truth: {np.mean(holds):.1%} of {len(holds)}")
    for growth, place in moles:
        ratios = ratios_of(place)
        at = f"{place.photo}  ({place.here.x:.0f}, {place.here.y:.0f}) {place.diameter_px:.0f} px"
        if not ratios:
            print(f"not measured: {at}: {place.ratios}")
        elif not ratios["diameter"].low <= growth <= ratios["diameter"].high or (
            growth != 1 and not ratios["diameter"].changed
        ):
            print(f"true growth {growth:.2f}: {at}: {ratio_text(ratios['diameter'])}")


def ratios_of(place: Place) -> dict[str, Ratio]:
    """The measures of a mole, empty where there are none."""
    return place.ratios if isinstance(place.ratios, dict) else {}


if __name__ == "__main__":
    main()
