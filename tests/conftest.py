"""Fixtures of the whole suite: weights made once, a scene to search, a clean environment."""

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import children
import workbench
from mel_debug.files.user_dirs import CACHE, CONFIG, GRAPHS, STATE
from mel_debug.plugins.registry import load_registry
from workbench import Dinov3Weights, Scene, make_scene, make_weights

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# No deadline: the machine may be busy, and no law is about time.
settings.register_profile("laws", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=10)
settings.load_profile("laws")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--deterministic",
        action="store_true",
        help="let torch use deterministic kernels only, in this process",
    )


def pytest_configure(config: pytest.Config) -> None:
    children.watch()
    if config.getoption("markexpr") == "not slow":
        settings.load_profile("quick")
    if config.getoption("--deterministic"):
        import torch

        torch.use_deterministic_algorithms(True)


@pytest.fixture(autouse=True)
def no_process_unless_slow(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is not marked `slow` starts no process, so that `-m "not slow"` stays quick."""
    if request.node.get_closest_marker("slow"):
        yield
        return
    with children.counted() as started:
        yield
    assert not started, f"mark this test slow, or let it start no process: {started}"


@pytest.fixture(scope="session")
def dinov3_small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dinov3Weights]:
    """DINOv3 small with seeded random weights, as the two kinds of checkpoint."""
    weights = make_weights(tmp_path_factory.mktemp("dinov3"))
    yield weights
    for path in (weights.safetensors, weights.pth):
        path.unlink()


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """The only browser of this process, as Playwright starts only once in a thread."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from browsers import launch

    with api.sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A source that marks one mole and a target that shows it elsewhere."""
    return make_scene(tmp_path)


@pytest.fixture(scope="session")
def unused_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of folders that no test had before.

    They are not made, and lie in a folder of their own: pytest looks through all that lies beside
    a new folder, which took thousands of tests as long as the tests themselves.
    """
    root = tmp_path_factory.mktemp("unused")
    return (root / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def feature_cache(unused_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache of its own; nobody's real one is touched."""
    folder = next(unused_folders) / "mel-debug"
    monkeypatch.setenv(CACHE, str(folder))
    return folder


@pytest.fixture(scope="session")
def graph_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All tests share what they convert: each model takes seconds."""
    return tmp_path_factory.mktemp("graphs") / "graphs"


@pytest.fixture(autouse=True)
def shared_graphs(graph_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or keeps a converted model of the person who runs it."""
    monkeypatch.setenv(GRAPHS, str(graph_folder))


@pytest.fixture(autouse=True)
def own_folders(unused_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the calibrations or the unfinished runs of the person who runs it."""
    for name in (CONFIG, STATE):
        monkeypatch.setenv(name, str(next(unused_folders) / name))


@pytest.fixture
def only_builtins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No plugin of this machine, and no setting of the person who runs the tests, plays a part."""
    for name in workbench.settings():
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEL_DEBUG_PLUGINS", "")
    load_registry.cache_clear()
    yield
    load_registry.cache_clear()


@pytest.fixture
def become_another_user(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """A function after which the test may read `tmp_path`, but owns nothing that it made."""
    if not hasattr(os, "setresuid") or os.geteuid() != 0:
        pytest.skip("only root on Linux can become another user and return")
    system = Path(tempfile.gettempdir()).resolve()
    for folder in (tmp_path, *tmp_path.parents):
        if system not in folder.parents:
            break  # what is not pytest's own stays as it is
        folder.chmod(folder.stat().st_mode | 0o055)
    yield lambda: os.setresuid(65534, 65534, 0)
    os.setresuid(0, 0, 0)
