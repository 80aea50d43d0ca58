"""Time and memory by image size, number of moles, of photos, of marks and of pairs.

    python benchmarks/growth.py size               one photo at 448 to 1792
    python benchmarks/growth.py moles              search for 1 to 1000 moles in one photo
    python benchmarks/growth.py photos             precalc of 1 to 64 photos
    python benchmarks/growth.py marks              10 to 100,000 marks read, added to, and planned
    python benchmarks/growth.py session            automark3 over 1 to 64 pairs of photos

Each figure comes from its own process. The exponent is that of the best-fitting power of n, by
least squares on logarithms: 1 means proportional growth, 0 none. Photos are generated and DINOv3's
weights random from a fixed seed; nothing is downloaded.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from mel_debug.automark.targets import make_plan
from mel_debug.core.geometry import PatchGrid, Point, Size
from mel_debug.files.append_marks import NewMark, append_marks
from mel_debug.files.discovery import find_photos
from mel_debug.files.marks import marks_path, read_moles
from mel_debug.files.photos import read_photo
from mel_debug.matching.locate import locate
from mel_debug.plugins.config import RunConfig, resolve
from mel_debug.synth.repository import begin_repository, plan_repository
from processes import python, run
from tables import machine, show

SIZES = (448, 640, 896, 1280, 1792)
MOLES = (1, 3, 10, 30, 100, 300, 1000)
PHOTOS = (1, 2, 4, 8, 16, 32, 64)
PAIRS = (1, 2, 4, 8, 16, 32, 64)
MARKS = (10, 100, 1000, 10_000, 100_000)
MARK_STEPS = {
    "read": "a moles file read",
    "add": "one mark added to a moles file",
    "plan": "a target planned with a reference of so many marks, half of them marked already",
}
PHOTO = Size(2400, 3600)


@dataclass(frozen=True, slots=True)
class Case:
    """An extractor, and the folder of its weights and cache."""

    extractor: str
    runtime: str
    folder: Path

    @property
    def weights(self) -> Path | None:
        if not self.extractor.startswith("dinov3-"):
            return None
        return self.folder / f"{self.extractor}.safetensors"

    @property
    def wanted(self) -> dict[str, Any]:
        return {
            "extractor": self.extractor,
            "runtime": self.runtime,
            "weights": self.weights,
            "device": "cpu",
            "cache_dir": self.folder / "cache",
        }

    @property
    def options(self) -> list[str]:
        weights = ["--weights", str(self.weights)] if self.weights else []
        return ["--extractor", self.extractor, "--runtime", self.runtime, *weights]


@click.group()
def main() -> None:
    """Measure time and memory."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    extractor = click.option("--extractor", default="dinov3-base", show_default=True)
    runtime = click.option("--runtime", default="auto", show_default=True)
    return extractor(runtime(command))


@main.command()
@_options
@click.option("--rounds", default=3, show_default=True)
@click.option("--most", default=SIZES[-1], show_default=True, help="Largest size.")
def size(extractor: str, runtime: str, rounds: int, most: int) -> None:
    """Measure feature extraction of one photo, by image size."""
    sizes = _up_to(most, SIZES)
    with _case(extractor, runtime) as case:
        figures = [_child("one", case, at, rounds) for at in sizes]
    _show(f"{extractor}, one photo (seconds of the forward pass)", "pixels", sizes, figures)


@main.command()
@_options
@click.option("--most", default=MOLES[-1], show_default=True, help="Largest number of moles.")
def moles(extractor: str, runtime: str, most: int) -> None:
    """Measure the search for many moles in one target, with features in the cache."""
    numbers = _up_to(most, MOLES)
    with _case(extractor, runtime) as case:
        _child("many", case, 1)
        for similarity in ("cosine", "geometric"):
            figures = [_child("many", case, number, similarity) for number in numbers]
            _show(f"{extractor}, {similarity}, moles in one photo", "moles", numbers, figures)


@main.command()
@_options
@click.option("--image-size", default=448, show_default=True)
@click.option("--most", default=PHOTOS[-1], show_default=True, help="Largest number of photos.")
def photos(extractor: str, runtime: str, image_size: int, most: int) -> None:
    """Measure `precalc` by the number of photos, which all differ."""
    numbers = _up_to(most, PHOTOS)
    with _case(extractor, runtime) as case:
        _child("one", case, image_size, 1)
        figures = []
        content = (case.folder / "photo.jpg").read_bytes()
        for number in numbers:
            folder = case.folder / f"photos-{number}"
            folder.mkdir()
            for i in range(number):  # what follows the end of a JPEG is not read
                (folder / f"{i}.jpg").write_bytes(content + number.to_bytes(2) + i.to_bytes(2))
            size = ["--image-size", str(image_size), "--cache-dir", str(case.folder / "cache")]
            done = run(python("-m", "mel_debug", "precalc", str(folder), *case.options, *size))
            figures.append((done.seconds, done.megabytes))
    _show(f"{extractor}, precalc at {image_size} (whole process)", "photos", numbers, figures)


@main.command()
@click.option("--most", default=MARKS[-1], show_default=True, help="Largest number of marks.")
@click.option("--step", "steps", multiple=True, type=click.Choice(list(MARK_STEPS)))
def marks(most: int, steps: tuple[str, ...]) -> None:
    """Measure time and memory by the number of marks in a file; no photo is opened."""
    numbers = _up_to(most, MARKS)
    for step in steps or MARK_STEPS:
        figures = []
        for number in numbers:
            with tempfile.TemporaryDirectory() as folder:
                done = run(python(__file__, "_marks", folder, step, str(number)))
            figures.append((float(json.loads(done.printed)), done.megabytes))
        _show(MARK_STEPS[step], "marks", numbers, figures)


@main.command()
@click.option("--most", default=PAIRS[-1], show_default=True, help="Largest number of pairs.")
@click.option("--jobs", default=1, show_default=True)
@click.option("--megapixels", default=4.0, show_default=True)
def session(most: int, jobs: int, megapixels: float) -> None:
    """Measure `automark3` over a session by its number of pairs, with an empty cache.

    One generated pair is copied to many parts of a body; bytes after the end of the copies let the
    cache take each for a photo of its own. Memory is that of the largest process.
    """
    numbers = _up_to(most, PAIRS)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        made = [(path.read_bytes(), marks_path(path).read_bytes()) for path in _pair(
            Path(folder) / "made", megapixels)]  # fmt: skip
        for number in numbers:
            root = Path(folder) / str(number)
            for part in range(number):
                for day, (content, marks) in enumerate(made, 1):
                    photo = root / f"rotomaps/parts/Part{part}/All/2024_01_0{day}/0.jpg"
                    photo.parent.mkdir(parents=True)
                    photo.write_bytes(content + number.to_bytes(2) + part.to_bytes(2))
                    if day == 1:
                        marks_path(photo).write_bytes(marks)
            (root / "melroot").touch()
            first, second = (sorted(root.glob(f"**/2024_01_0{day}")) for day in (1, 2))
            days = ["--reference", *map(str, first), "--target", *map(str, second)]
            how = ["--extractor", "xfeat", "--jobs", str(jobs), "--cache-dir", str(root / "cache")]
            done = run(python("-m", "mel_debug", "automark3", *days, *how))
            figures.append((done.seconds, done.megabytes))
    _show(f"automark3, xfeat, {jobs} jobs (whole process)", "pairs", numbers, figures)


def _up_to(most: int, numbers: Sequence[int]) -> list[int]:
    """The numbers below `most`, and `most`."""
    return [number for number in numbers if number < most] + [most]


def _pair(folder: Path, megapixels: float) -> list[Path]:
    """Write two generated photos of one part, the second of a later day."""
    planned = plan_repository(
        folder,
        7,
        photos=1,
        sessions=2,
        moles=12,
        megapixels=megapixels,
        difficulty=0.5,
        absent=0.2,
    )
    begin_repository(folder)
    for photo in planned:
        photo.write()
    return sorted(find_photos([folder]))


@main.command("_marks", hidden=True)
@click.argument("folder", type=Path)
@click.argument("step")
@click.argument("number", type=int)
def _marks(folder: Path, step: str, number: int) -> None:
    reference, target = folder / "reference.jpg", folder / "target.jpg"
    _mark(reference, number)
    match step:
        case "read":
            print(_seconds(lambda: read_moles(reference)))
        case "add":
            new = [NewMark("new", Point(9000, 9000), 0.5)]
            print(_seconds(lambda: append_marks(reference, new, apart_px=15)))
        case _:
            _mark(target, number // 2)
            print(_seconds(lambda: _planned(reference, target)))


def _planned(reference: Path, target: Path) -> None:
    (planned,) = make_plan([reference], [target]).targets
    if not planned.moles_to_find(planned.references[0]):
        raise AssertionError("there is nothing to find")


def _mark(photo: Path, number: int) -> None:
    """Write a moles file in `mel`'s layout, line by line to keep this process small."""
    photo.touch()
    with marks_path(photo).open("w") as file:
        for i in range(number):
            begin = ",\n" if i else "[\n"
            file.write(
                f'{begin}    {{\n        "is_uuid_canonical": true,\n        "uuid": "{i:032x}",\n'
                f'        "x": {7 * i % 6007},\n        "y": {11 * i % 4001}\n    }}'
            )
        file.write("\n]\n")


@contextmanager
def _case(extractor: str, runtime: str) -> Iterator[Case]:
    """Yield a folder with a generated photo, weights and, if needed, the converted model."""
    with tempfile.TemporaryDirectory() as folder:
        case = Case(extractor, runtime, Path(folder))
        rng = np.random.default_rng(0)
        small = rng.integers(90, 220, (PHOTO.height // 8, PHOTO.width // 8, 3), dtype=np.uint8)
        photo = Image.fromarray(small).resize((PHOTO.width, PHOTO.height), Image.Resampling.BICUBIC)
        photo.save(case.folder / "photo.jpg", quality=90)
        if case.weights is not None:
            code = "import sys; from pathlib import Path; from seeded import make_weights; "
            code += "make_weights(sys.argv[1], Path(sys.argv[2]))"
            here = {"PYTHONPATH": str(Path(__file__).parent)}
            name = extractor.removeprefix("dinov3-")
            run(python("-c", code, name, str(case.weights)), here)
            _child("one", case, 448, 1)
        yield case


def _child(what: str, case: Case, *arguments: object) -> tuple[float, float]:
    """Return the seconds of a step and the peak memory of its process."""
    place = (case.extractor, case.runtime, case.folder)
    done = run(python(__file__, f"_{what}", *map(str, [*place, *arguments])))
    return float(json.loads(done.printed)), done.megabytes


@main.command("_one", hidden=True)
@click.argument("place", nargs=3)
@click.argument("image_size", type=int)
@click.argument("rounds", type=int)
def _one(place: tuple[str, str, str], image_size: int, rounds: int) -> None:
    case = Case(place[0], place[1], Path(place[2]))
    built = resolve(RunConfig(**case.wanted)).build_extractor()
    scaled = PatchGrid.fit(PHOTO, image_size, built.patch).scaled
    image = np.zeros((1, scaled.height, scaled.width, 3), np.uint8)
    print(min(_seconds(lambda: built.extract(image)) for _ in range(rounds)))


@main.command("_many", hidden=True)
@click.argument("place", nargs=3)
@click.argument("number", type=int)
@click.argument("similarity", default="cosine")
def _many(place: tuple[str, str, str], number: int, similarity: str) -> None:
    case = Case(place[0], place[1], Path(place[2]))
    choice = resolve(RunConfig(**case.wanted, matcher=similarity))
    photo = read_photo(case.folder / "photo.jpg")
    features, matcher = choice.build_features(), choice.build_matcher()
    features.of(photo)
    rng = np.random.default_rng(number)
    points = rng.uniform((200, 200), (PHOTO.width - 200, PHOTO.height - 200), (number, 2))
    sightings = {f"{i:032x}": [(photo, Point(*map(float, at)))] for i, at in enumerate(points)}
    print(_seconds(lambda: locate(sightings, photo, features, matcher)))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _show(
    title: str, what: str, numbers: Sequence[int], figures: Sequence[tuple[float, float]]
) -> None:
    print(f"\n{machine()}", file=sys.stderr)
    rows = [(n, *pair) for n, pair in zip(numbers, figures, strict=True)]
    show(title, (what, "seconds", "peak MB"), rows)
    slopes = np.polyfit(np.log(numbers), np.log(figures), 1)[0]
    print(f"exponents: time {slopes[0]:.2f}, memory {slopes[1]:.2f}")


if __name__ == "__main__":
    main()
