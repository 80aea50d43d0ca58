"""Laws of the errors of `mel-debug dino3-map`."""

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mel_debug.files.photos import mask_path
from workbench import (
    MOLE,
    OTHER_MOLE,
    Scene,
    mark,
    run,
    run_and_see_imports,
    run_python,
    save,
    skin,
)

pytestmark = pytest.mark.usefixtures("only_builtins")

Spoil = Callable[[Scene], Scene | None]
"""Spoils the files of a scene, or gives another scene to run."""


def changed(**values: str | Path) -> Spoil:
    """A scene with other arguments."""
    return lambda scene: dataclasses.replace(scene, **values)  # type: ignore[arg-type]


def output_is_a_folder(scene: Scene) -> Scene:
    scene.output.mkdir()
    return scene


def no_moles_file(scene: Scene) -> None:
    Path(f"{scene.source}.json").unlink()


def moles_file_of(text: str) -> Spoil:
    """A source with this moles file."""

    def spoil(scene: Scene) -> None:
        Path(f"{scene.source}.json").write_text(text)

    return spoil


def marked(*moles: tuple[str, int, int]) -> Spoil:
    """A source with these marks."""

    def spoil(scene: Scene) -> None:
        mark(scene.source, *moles)

    return spoil


def cut_short(which: str) -> Spoil:
    """Half of a photo."""

    def spoil(scene: Scene) -> None:
        path: Path = getattr(scene, which)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return spoil


def masked(which: str, width: int, height: int) -> Spoil:
    """A photo whose mask, of this size, keeps nothing."""

    def spoil(scene: Scene) -> None:
        save(np.zeros((height, width), dtype=np.uint8), mask_path(getattr(scene, which)))

    return spoil


def target_is_no_photo(scene: Scene) -> None:
    scene.target.write_text("no photo")


MISUSE: dict[str, tuple[Spoil, str]] = {
    "no such source": (changed(source=Path("nowhere.jpg")), "nowhere.jpg"),
    "no such target": (changed(target=Path("nowhere.jpg")), "nowhere.jpg"),
    "no moles file": (no_moles_file, "source.png.json does not exist"),
    "output is a folder": (output_is_a_folder, "output.jpg is a folder"),
    "output is no picture": (changed(output=Path("out.txt")), "not the suffix of a picture format"),
}

FAILURES: dict[str, tuple[Spoil, str]] = {
    "unknown uuid": (
        changed(uuid="f00f00f00"),
        f"no mole 'f00f00f00' is marked; moles marked in the sources: {MOLE}",
    ),
    "uuid too short": (changed(uuid=MOLE[:5]), "unique prefix of 6 characters"),
    "output in no folder": (
        changed(output=Path("/nowhere/to/out.png")),
        "/nowhere/to/out.png can't be written",
    ),
    "malformed moles file": (
        moles_file_of('[{"uuid": "a", "x": 1}]'),
        "source.png.json: entry 1 lacks",
    ),
    "moles file is no JSON": (moles_file_of("["), "source.png.json is not valid JSON"),
    "mark outside the photo": (marked((MOLE, 256, 10)), "outside the photo of 256 x 224"),
    "mole marked twice": (marked((MOLE, 10, 10), (MOLE, 20, 20)), "has 2 marks of mole"),
    "damaged source": (cut_short("source"), "source.png"),
    "damaged target": (cut_short("target"), "target.png"),
    "target is no photo": (target_is_no_photo, "target.png"),
    "mask hides the mole": (masked("source", 256, 224), "source.png"),
    "mask hides the target": (
        masked("target", 256, 224),
        "target.png: its mask hides the whole photo",
    ),
    "mask of another size": (masked("target", 224, 256), "target.png.mask.png is 224 x 256"),
}

BAD_OPTIONS = {
    "--image-size 100": "100 is not a multiple of the 8 px patch of xfeat; try 96 or 10",
    "--image-size 0": "--image-size",
    "--image-size many": "--image-size",
    "--dino-size small": "exclude each other",
    "--extractor dino": "no extractor named 'dino'; try one of: dinov3-small",
    "--similarity cosin": "no matcher named 'cosin'; try one of: cosine, dot, euclidean",
    "--renderer map": "no renderer named 'map'; try one of: heatmap, pair",
    "--device gpu": "--device",
    "--weights nowhere.pth": "nowhere.pth",
    "-o colour red": "has an option 'colour'",
    "-o colour": "-o",
    "--no-such-option": "--no-such-option",
}


def spoilt(scene: Scene, how: str) -> list[str]:
    """The arguments of a run that can't work."""
    if how in BAD_OPTIONS:
        return scene.arguments(*how.split())
    spoil, _ = {**MISUSE, **FAILURES}[how]
    return (spoil(scene) or scene).arguments()


def complaint(how: str) -> str:
    """What the one line must say."""
    return BAD_OPTIONS[how] if how in BAD_OPTIONS else {**MISUSE, **FAILURES}[how][1]


def exit_code(how: str) -> int:
    """2 for what the command was asked, 1 for anything else."""
    return 1 if how in FAILURES else 2


@pytest.mark.slow
@pytest.mark.parametrize("how", [*MISUSE, *BAD_OPTIONS, *FAILURES])
def test_an_error_is_one_line_and_leaves_no_output(scene: Scene, how: str) -> None:
    """Exit code 2 for what the command was asked, 1 for anything else, and never a traceback."""
    arguments = spoilt(scene, how)
    before = sorted(scene.output.parent.iterdir())
    outcome = run(*arguments)
    assert outcome.code == exit_code(how), outcome
    assert complaint(how) in outcome.error
    assert sorted(scene.output.parent.iterdir()) == before


def test_a_source_that_lacks_the_mole_is_named(scene: Scene) -> None:
    """Which of several to leave out."""
    second = save(skin(64, 64), scene.source.with_name("second.png"))
    mark(second, (OTHER_MOLE, 5, 5))
    outcome = run(*scene.arguments(str(second)))
    assert outcome.code == 1
    assert f"mole {MOLE} is not marked in {second}" in outcome.error


def test_damaged_weights_are_named(scene: Scene) -> None:
    """The file is whole or it is not used."""
    path = scene.output.with_suffix(".pth")
    path.write_bytes(b"no weights")
    outcome = run(*scene.arguments("--weights", str(path)))
    assert outcome.code == 1
    assert str(path) in outcome.error
    assert not scene.output.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        "unknown uuid",
        "output in no folder",
        "output is no picture",
        "no such target",
        "no moles file",
        "malformed moles file",
        "mark outside the photo",
        "--image-size 100",
        "--extractor dino",
        "-o colour red",
    ],
)
def test_cheap_checks_come_before_a_model_is_loaded(scene: Scene, how: str) -> None:
    """Even before torch is imported, in a process of its own."""
    outcome, loaded = run_and_see_imports(scene.output.with_suffix(".txt"), *spoilt(scene, how))
    assert outcome.code == exit_code(how), outcome
    assert complaint(how) in outcome.error
    assert not loaded & {"torch", "timm", "kornia", "torchvision", "skimage"}


@pytest.mark.parametrize("how", ["unknown uuid", "output in no folder"])
def test_cheap_checks_come_before_missing_weights(scene: Scene, how: str) -> None:
    """The mistake that is cheap to find is found first, whatever the model."""
    arguments = spoilt(scene, how)
    at = arguments.index("xfeat")
    outcome = run(*arguments[:at], "dinov3-base", "--offline", *arguments[at + 1 :])
    assert complaint(how) in outcome.error


@pytest.mark.slow
def test_a_failed_run_leaves_an_older_output_as_it_was(scene: Scene) -> None:
    """What was there is better than nothing."""
    assert run(*scene.arguments()).code == 0
    older = scene.output.read_bytes()
    assert run(*spoilt(scene, "mask hides the target")).code == 1
    assert scene.output.read_bytes() == older


@contextlib.contextmanager
def silent_hub() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in taken:
            connection.close()


def refusing_hub() -> str:
    """The address of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.slow
@pytest.mark.parametrize("network", ["forbidden", "refusing", "silent"])
def test_without_weights_and_network_a_run_ends_within_10_seconds(
    scene: Scene, network: str
) -> None:
    """The model, where it was looked for, --weights and --extractor xfeat are all named."""
    cache = scene.output.with_name("cache")
    files = [str(scene.output), str(scene.target), MOLE, str(scene.source)]
    arguments = ["-m", "mel_debug", "dino3-map", *files, "--dino-size", "small"]
    with contextlib.ExitStack() as stack:
        environment = {"HF_HOME": str(cache), "NO_PROXY": "*", "no_proxy": "*"}
        if network == "forbidden":
            arguments.append("--offline")
        elif network == "refusing":
            environment["HF_ENDPOINT"] = refusing_hub()
        else:
            environment["HF_ENDPOINT"] = stack.enter_context(silent_hub())
        outcome = run_python(*arguments, env=environment, timeout=10)
    assert outcome.code == 1
    for part in ("vit_small", str(cache), "--weights", "--extractor xfeat"):
        assert part in outcome.error
    assert not scene.output.exists()


def test_an_unexpected_error_is_one_line_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to see where it came from."""
    from mel_debug.builtin.renderers.heatmap import Heatmap

    def fail(*_: object) -> None:
        raise RuntimeError("out of\npaint")

    monkeypatch.setattr(Heatmap, "render", fail)
    outcome = run(*scene.arguments())
    assert outcome.code == 1
    assert "RuntimeError: out of paint" in outcome.error
    assert "MEL_DEBUG_TRACEBACK=1" in outcome.error
    assert not scene.output.exists()
