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

BEND, BEND_RADIUS = (40 / 6000, 100 / 6000), 0.08
"""The shift at the centre of a local bend, and its standard deviation, in longer sides."""

GEOMETRIC: Mapping[str, Sequence[Any]] = {
    "warp_field.KNOTS": (7, 28),
    "warp_field.BEND_STD": (0.5, 4.5),
    "warp_field.MATCH_STD": (0.35, 1.4),
    "warp_field.SHARED_PIXELS": (2.0, 18.0),
    "pixel_alignment.RADII": ((12, 8), (48, 32)),
    "pixel_alignment.MOST_SHIFT": (6.0, 24.0),
    "first_fit.INLIER_CELLS": (1.25, 5.0),
    "attempts.FIRST_REACH": (3, 12),
    "attempts.CONFIRMED_CELLS": (0.75, 3.0),
    "spot_search.PRIOR_STD": (1.25, 5.0),
    "spot_search.LAST_ZOOM": (0.35, 1.0),
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
    """Simulated searches, judged together: on smooth skin, and where some of it bends."""
    smooth = list(_sessions(pairs))
    bent = list(_bent(smooth))

    def measured() -> list[object]:
        return [figure for sessions in (smooth, bent) for figure in _judged(sessions)]

    values = {
        "joint.WRONG_STD": (0.0025, 0.005, 0.02, 0.04),
        "joint.MAX_LOG_RATIO": (2.0, 4.0, 9.0),
        "joint.ROUNDS": (3, 6, 24),
        "joint.MISFIT_SHARE": (0.0125, 0.025, 0.1, 0.2),
        "joint.PAIR_MOLES": (6, 12, 48),
        "joint.MISFIT_WEIGHT": (1e-8, 1e-2, 0.1, 1.0),
    }
    values |= {
        "alignment.LOCAL_LENGTH": (0.05, 0.2),
        "mixture.SOFT_STD": (0.0035, 0.005, 0.01, 0.02),
        "mixture.SOFT_SHARE": (1e-9, 0.1, 0.6),
        "mixture.SOFT_FREEDOM": (4.0, 30.0),
        "mixture.PRIOR_MOLES": (1.0, 16.0),
        "mixture.REACH": (0.1, 1.0),
    }
    rows = _changed("mel_debug.automark", values, measured)
    figures = ("log likelihood", "right side of 0.5", "right lost", "wrong accepted")
    head = ("", *(f"{kind}: {each}" for kind in ("smooth", "bent") for each in figures))
    show("judged together", head, rows)


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


def _bent(sessions: Sequence[tuple[Places, Places]]) -> Iterator[tuple[Places, Places]]:
    """The same sessions with a local bend, like that of a shoulder seen at a grazing angle.

    At its centre, which is one of the moles, places move by 40 to 100 px of 6000.
    """
    rng = np.random.default_rng(1)
    for source, found in sessions:
        centre = rng.choice(source)
        move = rng.uniform(*BEND) * np.exp(2j * np.pi * rng.random())
        yield source, found + move * np.exp(-((np.abs(source - centre) / BEND_RADIUS) ** 2) / 2)


def _judged(sessions: Sequence[tuple[Places, Places]]) -> list[object]:
    """Log likelihood, share on the right side of 0.5, and shares of losses and wrong marks.

    Lost are right places whose own confidence was at least 0.5 and is below it together. The wrong
    ones are those at 0.5 or more, as a share of all such.
    """
    rng = np.random.default_rng(0)
    joint, single, truth = [], [], []
    for source, found in sessions:
        proposals, right = _searched(rng, source, found)
        judged = infer_jointly(proposals, [], Frame(SIZE, SIZE), 25.0)
        joint += [each.candidates[0].confidence for each in judged]
        single += [each.candidates[0].confidence for each in proposals]
        truth += right
    sure, is_right = np.clip(joint, 1e-6, 1 - 1e-6), np.array(truth)
    was_sure = is_right & (np.array(single) >= 0.5)
    accepted = sure >= 0.5
    return [
        f"{np.log(np.where(is_right, sure, 1 - sure)).mean():.4f}",
        f"{(accepted == is_right).mean():.1%}",
        f"{(~accepted)[was_sure].mean():.1%}",
        f"{(~is_right)[accepted].mean():.1%}",
    ]


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
