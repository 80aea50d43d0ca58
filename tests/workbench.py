"""What tests work with: seeded photos, moles files, a toy extractor, and runs of the command."""

import functools
import inspect
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import ExifTags, Image

from mel_debug.cli.main import main
from mel_debug.core.stages import BuildOptions, FeatureExtractor, Matcher, Renderer
from mel_debug.core.types import Colour, Pixels, Vectors
from mel_debug.files.user_dirs import CACHE, CONFIG, GRAPHS, STATE
from mel_debug.plugins.registry import load_registry

MOLE = "0123456789abcdef0123456789abcdef"
OTHER_MOLE = "fedcba9876543210fedcba9876543210"


def skin(width: int, height: int, seed: int = 0) -> Pixels:
    """A textured picture that tiles: smoothed noise of all scales on a skin colour."""
    rng = np.random.default_rng(seed)
    noise = np.fft.fft2(rng.standard_normal((height, width, 3)), axes=(0, 1))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    texture = np.fft.ifft2(noise / (0.02 + frequency)[..., None], axes=(0, 1)).real
    texture *= 25 / max(texture.std(), 1e-9)
    return np.clip(np.array([190, 150, 130]) + texture, 0, 255).astype(np.uint8)


def with_moles(picture: Pixels, centres: list[tuple[int, int]], radius: float = 5) -> Pixels:
    """The picture with dark round moles."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    shade = np.zeros(picture.shape[:2])
    for x, y in centres:
        shade += np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))
    darker: Pixels = (picture * (1 - 0.7 * np.clip(shade, 0, 1))[..., None]).astype(np.uint8)
    return darker


def save(picture: NDArray[Any], path: Path, **options: Any) -> Path:
    """Save a picture; JPEGs in full colour and near full quality."""
    if path.suffix == ".jpg":
        options = {"quality": 98, "subsampling": 0, **options}
    Image.fromarray(picture).save(path, **options)
    return path


def mark(photo: Path, *moles: tuple[str, int, int]) -> Path:
    """Write the moles file of a photo."""
    entries = [{"uuid": uuid, "x": x, "y": y, "is_uuid_canonical": True} for uuid, x, y in moles]
    path = Path(f"{photo}.json")
    path.write_text(json.dumps(entries))
    return path


def stored(shown: Pixels, orientation: int) -> Pixels:
    """What a camera stores for a photo that is shown as `shown` (EXIF 2.3, tag 0x0112)."""
    turned = {
        1: shown,
        2: shown[:, ::-1],
        3: shown[::-1, ::-1],
        4: shown[::-1],
        5: shown.swapaxes(0, 1),
        6: np.rot90(shown, 1),
        7: shown[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(shown, -1),
    }
    return np.ascontiguousarray(turned[orientation])


def oriented(orientation: int) -> Image.Exif:
    """EXIF data with an orientation."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def extractor(name: str, weights: Path | None = None, **others: Any) -> FeatureExtractor:
    """The extractor of a name, built as the command line builds it, without a network.

    But for `others` nothing that it makes is kept.
    """
    offer = load_registry().extractor(name)
    options = BuildOptions("cpu", weights, offline=True, values=offer.values({}), **others)
    return offer.build(options)


def matcher(name: str, **given: str) -> Matcher:
    """The matcher of a name with options as texts, built as the command line builds it."""
    offer = load_registry().matcher(name)
    return offer.build(BuildOptions("cpu", values=offer.values(given)))


def renderer(name: str) -> Renderer:
    """The renderer of a name, built as the command line builds it."""
    offer = load_registry().renderer(name)
    return offer.build(BuildOptions("cpu", values=offer.values({})))


@dataclass(frozen=True)
class PatchColours:
    """A toy extractor, the same everywhere: mean and spread of each quarter of each patch."""

    patch: int = 8
    mean_colour: Colour = (128, 128, 128)

    def extract(self, images: Pixels) -> Vectors:
        count, height, width = images.shape[:3]
        rows, columns, half = height // self.patch, width // self.patch, self.patch // 2
        quarters = images.astype(np.float32).reshape(count, rows, 2, half, columns, 2, half, 3)
        means = quarters.mean(axis=(3, 6)) - 128
        spreads = quarters.std(axis=(3, 6))
        both = np.stack([means, spreads], axis=-1).swapaxes(2, 3)
        return both.reshape(count, rows, columns, -1)


@dataclass(frozen=True)
class Scene:
    """Two photos of the same skin on disk, and where the mole of the source is in the target."""

    source: Path
    target: Path
    uuid: str
    mark: tuple[int, int]
    truth: tuple[int, int]
    output: Path

    def arguments(self, *more: str) -> list[str]:
        """`dino3-map` with the packaged XFeat and cosine, at the photos' own size."""
        files = [str(self.output), str(self.target), self.uuid, str(self.source)]
        stages = ["--extractor", "xfeat", "--image-size", "256", "--similarity", "cosine"]
        return ["dino3-map", *files, *stages, *more]


@functools.cache
def _crops() -> tuple[bytes, bytes]:
    """Two crops of one picture as PNG, the second one's corner 32 px right and 64 px down."""
    places = [(150, 140), (60, 100), (220, 200), (120, 230), (250, 90)]
    picture = with_moles(skin(320, 288, seed=7), places)
    files = io.BytesIO(), io.BytesIO()
    Image.fromarray(picture[:224, :256]).save(files[0], format="PNG")
    Image.fromarray(picture[64:, 32:288]).save(files[1], format="PNG")
    return files[0].getvalue(), files[1].getvalue()


def make_scene(folder: Path) -> Scene:
    """Two photos, 256 x 224 px each, of which the first marks a mole."""
    source, target = folder / "source.png", folder / "target.png"
    for path, content in zip((source, target), _crops(), strict=True):
        path.write_bytes(content)
    mark(source, (MOLE, 150, 140))
    return Scene(source, target, MOLE, (150, 140), (118, 76), folder / "output.jpg")


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left: its exit code and its two streams."""

    code: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        assert self.code != 0, self
        assert "Traceback" not in self.stderr, self.stderr
        assert self.stdout == "", self.stdout
        lines = self.stderr.splitlines()
        assert [line for line in lines if line.startswith("Error:")] == lines[-1:], self.stderr
        assert all(line.startswith("Looking for ") for line in lines[:-1]), self.stderr
        return lines[-1]

    @property
    def report(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        assert self.code == 0, self.stderr
        report = json.loads(self.stdout)
        assert isinstance(report, dict)
        return report


def _runner() -> CliRunner:
    """One that keeps the two streams apart, which Click before 8.2 does on request only."""
    if "mix_stderr" in inspect.signature(CliRunner).parameters:
        return CliRunner(mix_stderr=False)  # type: ignore[call-arg] # the newer Click lacks it
    return CliRunner()


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Outcome:
    """Run `mel-debug` in this process."""
    result = _runner().invoke(main, list(arguments), prog_name="mel-debug", env=env)
    return Outcome(result.exit_code, result.stdout, result.stderr)


def settings() -> list[str]:
    """The variables that set mel-debug up, but for folders: those are the tests' own."""
    folders = (CACHE, CONFIG, GRAPHS, STATE)
    return [name for name in os.environ if name.startswith("MEL_DEBUG_") and name not in folders]


def run_python(
    *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120
) -> Outcome:
    """Run Python in a process of its own, with no plugin of this machine."""
    clean = {name: value for name, value in os.environ.items() if name not in settings()}
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**clean, "MEL_DEBUG_PLUGINS": "", **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


HEAVY = ("kornia", "numpy", "skimage", "timm", "torch", "torchvision")

_SPY = f"""
import sys
from mel_debug.cli.main import main
try:
    main(sys.argv[2:], prog_name="mel-debug")
finally:
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    open(sys.argv[1], "w").write(" ".join(loaded))
"""


def run_and_see_imports(note: Path, *arguments: str) -> tuple[Outcome, set[str]]:
    """Run `mel-debug` in a process of its own; also the heavy packages it had imported at the end.

    `note` is a file to pass their names through.
    """
    outcome = run_python("-c", _SPY, str(note), *arguments)
    return outcome, set(note.read_text().split())


@dataclass(frozen=True)
class Dinov3Weights:
    """The same seeded random weights of DINOv3 small, in two formats."""

    timm_name: str
    safetensors: Path
    pth: Path


def make_weights(folder: Path) -> Dinov3Weights:
    """No weight is timm's own to start with: those leave all blocks next to idle."""
    import timm
    import torch
    from safetensors.torch import save_file

    name = "vit_small_patch16_dinov3.lvd1689m"
    with torch.device("meta"):
        shapes = timm.create_model(name, pretrained=False, num_classes=0).state_dict()
    torch.manual_seed(0)
    state = {key: 0.05 * torch.randn(value.shape) for key, value in shapes.items()}
    for key in state:
        if key.endswith(("norm.weight", "norm1.weight", "norm2.weight", "gamma_1", "gamma_2")):
            state[key] += 0.5
    weights = Dinov3Weights(name, folder / "small.safetensors", folder / "small.pth")
    save_file(state, weights.safetensors)
    torch.save(state, weights.pth)
    return weights


def cache_of(folder: Path, weights: Dinov3Weights) -> Path:
    """A cache as Hugging Face lays it out, which holds these weights."""
    repository = folder / f"models--timm--{weights.timm_name}"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    (snapshot / "model.safetensors").symlink_to(weights.safetensors)
    return folder
