"""What the constants of joint inference and of the geometric matcher do when they are changed.

    python benchmarks/constants.py alignment         the priors of the map between photos
    python benchmarks/constants.py joint             judging moles together
    python benchmarks/constants.py geometric PATH    the geometric matcher

Nothing is painted for the first two: they use the true places of generated moles. PATH is a folder
with two marked photos in `mel`'s layout. The docstrings of the constants
quote such figures, some from other runs of the same kind.
"""

import importlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from localisation import METHODS, Method, Pair, generated_pair, labelled_pairs
from mel_debug.automark import alignment
from mel_debug.automark.joint import Candidate, Frame, Proposal, infer_jointly
from mel_debug.core.geometry import Point, Size
from mel_debug.synth import plan_pair
from mel_debug.synth.rendering import mole_positions
from tables import machine, show

Places = NDArray[np.complex128]

SIZE = Size(4000, 3000)
MARK_PX = 3.0
"""How far a mark is off, a standard deviation of x and y together, in pixels of `SIZE`."""

GEOMETRIC: Mapping[str, Sequence[Any]] = {
    "warp_field.KNOTS": (7, 28),
    "warp_field.BEND_STD": (0.5, 4.5),
    "warp_field.MATCH_STD": (0.35, 1.4),
    "warp_field.MATCHES_PER_OBSERVATION": (2.0, 18.0),
    "pixel_alignment.RADII": ((12, 8), (48, 32)),
    "pixel_alignment.MOST_SHIFT": (6.0, 24.0),
    "affine_fit.INLIER_CELLS": (1.25, 5.0),
    "photo_pair.FIRST_REACH": (3, 12),
    "photo_pair.CONFIRMED_CELLS": (0.75, 3.0),
    "matcher.PRIOR_STD": (1.25, 5.0),
    "matcher.LAST_ZOOM": (0.35, 1.0),
    "window_matching.PRIOR_WEIGHT": (0.01, 0.16),
}
"""Constants by module, and what to set them to."""


@click.group()
def main() -> None:
    """Measure constants."""
    click.echo(machine())


@main.command("alignment")
@click.option("--pairs", default=60)
def alignment_constants(pairs: int) -> None:
    """Each mole foreseen from all others, with priors changed by powers of two."""
    sessions = list(_sessions(pairs))

    def measured() -> list[object]:
        logs, misses = [], []
        for source, found in sessions:
            even, none = np.ones(len(source)), np.zeros(len(source))
            foreseen = alignment.predict(source, found, even, none)
            away = np.abs(found - foreseen.places)
            logs.append(np.log(alignment.density(away, foreseen.variances, 0.75)))
            misses.append(away * SIZE.longest)
        off = np.concatenate(misses)
        low, high = np.quantile(off, (0.5, 0.95))
        return [f"{np.concatenate(logs).mean():.3f}", float(low), float(high)]

    names = (
        "SHIFT_STD",
        "SIMILARITY_STD",
        "SHEAR_STD",
        "BEND_STD",
        "BEND_LENGTH",
        "NOISE_STD",
        "DEGREES_OF_FREEDOM",
    )
    values = {
        f"alignment.{name}": [getattr(alignment, name) * factor for factor in (0.25, 0.5, 2, 4)]
        for name in names
    }
    rows = _changed("mel_debug.automark", values, measured)
    show("true moles from the others", ("", "log density", "median px", "95 % px"), rows)


@main.command("joint")
@click.option("--pairs", default=60)
def joint_constants(pairs: int) -> None:
    """Simulated searches, judged together."""
    sessions = list(_sessions(pairs))

    def measured() -> list[object]:
        rng, logs, sides = np.random.default_rng(0), [], []
        for source, found in sessions:
            proposals, truth = _searched(rng, source, found)
            for judged, right in zip(
                infer_jointly(proposals, [], Frame(SIZE, SIZE), 25.0), truth, strict=True
            ):
                sure = float(np.clip(judged.candidates[0].confidence, 1e-6, 1 - 1e-6))
                logs.append(np.log(sure if right else 1 - sure))
                sides.append((sure > 0.5) == right)
        return [f"{np.mean(logs):.4f}", f"{np.mean(sides):.1%}"]

    values = {
        "joint.WRONG_STD": (0.0025, 0.005, 0.02, 0.04),
        "joint.MAX_LOG_RATIO": (2.0, 4.0, 9.0),
        "joint.ROUNDS": (3, 6, 24),
        "joint.MISFIT_SHARE": (0.0125, 0.025, 0.1, 0.2),
        "joint.PAIR_MOLES": (6, 12, 48),
        "joint.MISFIT_WEIGHT": (1e-8, 1e-2, 0.1, 1.0),
    }
    rows = _changed("mel_debug.automark", values, measured)
    show("judged together", ("", "log likelihood", "right side of 0.5"), rows)


@main.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--pairs", default=2, help="Generated pairs beside those in FOLDER.")
def geometric(folder: Path, pairs: int) -> None:
    """Errors in pixels on the labelled pair, both ways, and on generated pairs."""
    method = Method(METHODS["default"])
    labelled = list(labelled_pairs(folder))
    with tempfile.TemporaryDirectory() as made:
        generated = [
            generated_pair(Path(made), seed, megapixels=12.0, moles=30, difficulty=0.5)
            for seed in range(1000, 1000 + pairs)
        ]

        def errors(some: Sequence[Pair]) -> list[float]:
            return [error for pair in some for error in method.run(pair).errors.values()]

        def measured() -> list[object]:
            near = np.array(errors(generated))
            low, high = np.quantile(near, (0.5, 0.95))
            text = " ".join(f"{error:.0f}" for error in errors(labelled))
            return [text, float(low), float(high), f"{(near <= 10).mean():.1%}"]

        package = "mel_debug.builtin.matchers.geometric"
        rows = _changed(package, GEOMETRIC, measured)
    show("the geometric matcher", ("", "labelled, px", "median", "95 %", "<= 10 px"), rows)


def _changed(
    package: str, values: Mapping[str, Sequence[Any]], measured: Callable[[], list[object]]
) -> list[list[object]]:
    """A row as it is, and one for each value of each constant."""
    rows = [["as it is", *measured()]]
    for name, others in values.items():
        for value in others:
            with _set(f"{package}.{name}", value) as before:
                rows.append([f"{name}, {before} -> {value}", *measured()])
            click.echo(" ".join(map(str, rows[-1])), err=True)
    return rows


@contextmanager
def _set(path: str, value: Any) -> Iterator[Any]:
    module_name, _, name = path.rpartition(".")
    module = importlib.import_module(module_name)
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield before
    finally:
        setattr(module, name, before)


def _sessions(pairs: int) -> Iterator[tuple[Places, Places]]:
    """Marks of the same moles in two generated photos, as shares of the longer side."""
    rng = np.random.default_rng(0)
    for seed in range(4000, 4000 + pairs):
        body, first, second = plan_pair(seed, moles=15, absent=0.0)
        positions = [
            {mole.uuid: mole for mole in mole_positions(body, shot)} for shot in (first, second)
        ]
        places = [
            np.array(
                [
                    complex(mole.x - shot.width / 2, mole.y - shot.height / 2)
                    for mole in (there[uuid] for uuid in positions[0] if uuid in positions[1])
                ],
                dtype=np.complex128,
            )
            / max(shot.width, shot.height)
            for there, shot in zip(positions, (first, second), strict=True)
        ]
        off = rng.normal(size=(2, len(places[1]))) * MARK_PX / SIZE.longest / 2**0.5
        yield places[0], places[1] + off[0] + 1j * off[1]


def _searched(
    rng: np.random.Generator, source: Places, found: Places
) -> tuple[list[Proposal], list[bool]]:
    """One candidate a mole, 70 % of them right, and which are."""
    proposals, truth = [], []
    for number, (marked, right) in enumerate(zip(source, found, strict=True)):
        is_right = bool(rng.random() < 0.7)
        sure = rng.beta(4, 1.5) if is_right else rng.beta(1.2, 3)
        place = complex(right)
        if not is_right and rng.random() < 0.5:
            place += complex(rng.normal(), rng.normal()) * 0.02
        elif not is_right:
            place = complex(rng.uniform(-0.5, 0.5), rng.uniform(-0.35, 0.35))
        candidate = Candidate(_point(place), float(np.clip(sure, 0.01, 0.99)))
        proposals.append(Proposal(str(number), _point(complex(marked)), (candidate,), True))
        truth.append(is_right or abs(place - right) * SIZE.longest < 30)
    return proposals, truth


def _point(place: complex) -> Point:
    x, y = place.real * SIZE.longest, place.imag * SIZE.longest
    return Point(x + SIZE.width / 2, y + SIZE.height / 2)


if __name__ == "__main__":
    main()
