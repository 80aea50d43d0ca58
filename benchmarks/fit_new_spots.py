"""Fit how likely a spot is new, on generated people whose skin changes.

    python benchmarks/fit_new_spots.py evidence.jsonl --seeds 311 324 --write
    python benchmarks/fit_new_spots.py checked.jsonl --seeds 401 405

The evidence of each pair of sessions is stored in the file, so that a run can be stopped and
resumed. `--write` replaces the model that ships; without it, the model that ships is checked.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mel_debug.changes.evidence import Evidence
from mel_debug.changes.new_spots import (
    MOST_NEUTRAL,
    STORED,
    SURE,
    doubt_of_colour,
    evidence_of,
    probability_new,
)
from mel_debug.changes.overlay import Overlay
from mel_debug.changes.peaks import Spot, is_lobe
from mel_debug.confidence.answers import Answer
from mel_debug.confidence.fitting import fit
from mel_debug.core.geometry import Point
from mel_debug.core.photo import Photo
from mel_debug.matching.features import Features
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth.rendering import render
from mel_debug.synth.scene import Body, Shot
from mel_debug.synth.sessions import plan_pair

RED = 0.8
"""Sum of hue and response below which a spot is not fitted to: its colour tells what it is."""

LEAST_PX = 8.0
"""Diameter from which spots count."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evidence", type=Path, help="file in which evidence is kept, JSON lines")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "LAST"), required=True)
    parser.add_argument("--megapixels", type=float, default=2.5)
    parser.add_argument("--absent", type=float, default=0.45, help="share of moles that go")
    parser.add_argument("--write", action="store_true", help="fit, and replace the stored model")
    given = parser.parse_args()
    rows = list(collected(given))
    if given.write:
        write_model(rows)
        probability_new.__globals__["_model"].cache_clear()
    report(rows)


def collected(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The evidence of all pairs, from the file where it is known."""
    path: Path = given.evidence
    known = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {row["seed"] for row in known}
    first, last = given.seeds
    yield from (row for row in known if first <= row["seed"] <= last)
    run = resolve(RunConfig(extractor="xfeat", no_cache=True))
    features, matcher = run.build_features(), run.build_matcher()
    for seed in range(first, last + 1):
        if seed in done:
            continue
        rows = list(of_pair(seed, given, features, matcher))
        with path.open("a", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
        print(f"{seed}: {len(rows)} spots", flush=True)
        yield from rows


def of_pair(
    seed: int, given: argparse.Namespace, features: Features, matcher: Any
) -> Iterator[dict[str, Any]]:
    """The evidence of each spot of two sessions, each compared with the other."""
    body, one, two = plan_pair(
        seed,
        megapixels=given.megapixels,
        moles=28,
        difficulty=0.5,
        absent=given.absent,
        changing=True,
    )
    shots, shown = (one, two), (render(body, one, 0), render(body, two, 1))
    described = [
        features.of(Photo.of(each.pixels, each.mask, name=str(number)))
        for number, each in enumerate(shown)
    ]
    # What is gone in the second session is new in the first one, seen from it.
    for now, earlier in ((1, 0), (0, 1)):
        warp = matcher.photo_map(described[now], described[earlier], features.extractor)
        known = {mole.uuid for mole in shown[earlier].moles}
        new = {
            mole.uuid: Point(mole.x, mole.y) for mole in shown[now].moles if mole.uuid not in known
        }
        if warp is None:
            yield from (row_of(seed, None, 0.0, body.mole(uuid), shots[now]) for uuid in new)
            continue
        overlay = Overlay(described[now].photo, described[earlier].photo, warp)
        yield from of_session(seed, overlay, new, body, shots[now])


def of_session(
    seed: int, overlay: Overlay, new: Mapping[str, Point], body: Body, shot: Shot
) -> Iterator[dict[str, Any]]:
    """The evidence of each spot of a photo, and which of them are new moles."""
    left = dict(new)
    whole: list[Spot] = []
    for spot in overlay.spots:
        point, diameter = overlay.point(spot), overlay.diameter(spot)
        near = [u for u, at in left.items() if at.distance_to(point) < max(6.0, 0.6 * diameter)]
        for uuid in near:
            del left[uuid]
            whole.append(spot)
        if not near and any(is_lobe(spot, other) for other in whole):
            continue
        evidence = overlay.evidence(spot)
        yield row_of(seed, evidence, diameter, body.mole(near[0]) if near else None, shot)
    for uuid in left:
        yield row_of(seed, None, 0.0, body.mole(uuid), shot)


def row_of(
    seed: int, evidence: Evidence | None, diameter: float, mole: Any, shot: Any
) -> dict[str, Any]:
    found = None
    if evidence is not None:
        names = ("own", "other", "vouching", "hue", "sigma", "std", "obstacle", "beside")
        found = {name: getattr(evidence, name) for name in names}
    size = diameter if mole is None else mole.diameter_in(1) * shot.pixels_per_mm
    red = None if mole is None else mole.redness
    return {"seed": seed, "new": mole is not None, "px": size, "red": red, "evidence": found}


def write_model(rows: list[dict[str, Any]]) -> None:
    """Fit the model to spots that are in view and not red, and store it."""
    answers = []
    for number, row in enumerate(rows):
        if row["evidence"] is None or row["evidence"]["obstacle"] is not None:
            continue
        evidence = Evidence(**row["evidence"])
        if evidence.hue + evidence.own < RED or evidence.hue > MOST_NEUTRAL:
            continue
        truth = (0.0, 0.0) if row["new"] else None
        pair = str(row["seed"])
        answers.append(
            Answer(pair, pair, str(number), truth, (0.0, 0.0), 1000, evidence_of(evidence))
        )
    model = fit(answers).right
    path = Path(__file__).parents[1] / "src" / "mel_debug" / "changes" / STORED
    path.write_text(json.dumps(model.as_json()) + "\n", encoding="utf-8")
    print(f"fitted to {len(answers)} spots, {sum(a.right for a in answers)} of them new")


def report(rows: list[dict[str, Any]]) -> None:
    """Recall by size and contrast, and false ones a pair."""
    pairs = len({row["seed"] for row in rows})
    listed = [(row, is_listed_new(row)) for row in rows if row["px"] >= LEAST_PX]
    new = [(row, is_listed) for row, is_listed in listed if row["new"]]
    false = sum(is_listed for row, is_listed in listed if not row["new"])
    print(f"{pairs} pairs; false ones a pair {false / pairs:.2f}")
    print(f"{'new moles':28} {'n':>4} {'listed':>6}")
    sizes = (("8 to 12 px", 8.0, 12.0), ("12 to 20 px", 12.0, 20.0), ("over 20 px", 20.0, 1e9))
    for name, low, high in sizes:
        line(name, [is_listed for row, is_listed in new if low <= row["px"] < high])
    contrasts = (
        ("contrast below 0.12", 0.0, 0.12),
        ("0.12 to 0.2", 0.12, 0.2),
        ("over 0.2", 0.2, 9.0),
    )
    own = [((row["evidence"] or {"own": 0.0})["own"], is_listed) for row, is_listed in new]
    for name, low, high in contrasts:
        line(name, [is_listed for value, is_listed in own if low <= value < high])
    line("brown ones", [is_listed for row, is_listed in new if row["red"] < 0.5])
    line("all", [is_listed for _, is_listed in new])


def is_listed_new(row: dict[str, Any]) -> bool:
    if row["evidence"] is None:
        return False
    evidence = Evidence(**row["evidence"])
    coloured = doubt_of_colour(evidence, row["px"]) is None
    plain = evidence.obstacle is None and coloured and not evidence.beside
    return bool(plain and probability_new(evidence) >= SURE)


def line(name: str, listed: list[bool]) -> None:
    share = f"{np.mean(listed):6.2f}" if listed else "     -"
    print(f"{name:28} {len(listed):4} {share}")


if __name__ == "__main__":
    main()
