"""Laws of the Python entrance: `find_mole` and `Finder`."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from extras import needs_xfeat
from mel_debug import Finder, MelError, Mole, UsageError, find_mole
from mel_debug.api import ImageLike, MoleLike
from mel_debug.core.geometry import Point
from workbench import OTHER_MOLE, Scene, mark, oriented, run, run_python, save, stored

pytestmark = [pytest.mark.usefixtures("only_builtins"), needs_xfeat]

CELL = 8
"""Photo pixels a cell of XFeat at the scene's own size."""


@pytest.fixture
def finder() -> Finder:
    return Finder(extractor="xfeat", matcher="cosine", image_size=256, min_confidence=0)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_a_mole_is_found_by_uuid_prefix_mark_and_place_alike(scene: Scene, finder: Finder) -> None:
    """All three name the same mole, and the command finds it at the same place."""
    centre = Point(scene.mark[0] + 0.5, scene.mark[1] + 0.5)
    moles: list[MoleLike] = [
        scene.uuid,
        scene.uuid[:8],
        Mole(scene.uuid, centre),
        (centre.x, centre.y),
    ]
    found = finder.find_all(scene.source, moles, scene.target)
    assert [match.uuid for match in found] == [*[scene.uuid] * 3, "mole"]
    report = json.loads(run(*scene.arguments("--json")).stdout)
    for match in found:
        assert (match.x, match.y) == pytest.approx((report["x"], report["y"]), abs=0.01)
        assert abs(match.x - scene.truth[0] - 0.5) <= CELL
        assert match.confidence.probability == pytest.approx(report["confidence"], abs=1e-3)
        assert match.cycle_error_px == pytest.approx(report["cycle_error_px"], abs=0.01)


def test_paths_arrays_and_pillow_images_give_the_same(scene: Scene, finder: Finder) -> None:
    """Also text paths; a photo in memory needs no file."""
    at = (scene.mark[0] + 0.5, scene.mark[1] + 0.5)
    sources: list[ImageLike] = [
        scene.source,
        str(scene.source),
        pixels(scene.source),
        Image.open(scene.source),
    ]
    targets: list[ImageLike] = [
        scene.target,
        str(scene.target),
        pixels(scene.target),
        Image.open(scene.target),
    ]
    places = [
        (match.x, match.y)
        for match in (finder.find(s, at, t) for s, t in zip(sources, targets, strict=True))
    ]
    assert places == pytest.approx(np.array([places[0]] * 4), abs=0.01)


def test_exif_rotation_is_applied_to_pillow_images(
    scene: Scene, finder: Finder, tmp_path: Path
) -> None:
    """A photo stored sideways is found as it is shown, from a file or in memory."""
    turned = save(stored(pixels(scene.target), 6), tmp_path / "turned.png", exif=oriented(6))
    mole = (scene.mark[0] + 0.5, scene.mark[1] + 0.5)
    for target in (turned, Image.open(turned)):
        match = finder.find(scene.source, mole, target)
        assert abs(match.x - scene.truth[0] - 0.5) <= CELL
        assert abs(match.y - scene.truth[1] - 0.5) <= CELL


def test_several_sources_search_together(scene: Scene, finder: Finder) -> None:
    match = finder.find(
        [scene.source, pixels(scene.source)],
        (scene.mark[0] + 0.5, scene.mark[1] + 0.5),
        scene.target,
    )
    assert len(match.query.views) == 2
    assert abs(match.x - scene.truth[0] - 0.5) <= CELL


def test_a_source_named_twice_or_by_a_link_is_one_source(
    scene: Scene, finder: Finder, tmp_path: Path
) -> None:
    """Marks are read beside the real file."""
    link = tmp_path / "link.png"
    link.symlink_to(scene.source)
    match = finder.find([link, scene.source, link], scene.uuid, scene.target)
    assert [view.features.photo.name for view in match.query.views] == [str(link)]


def test_a_match_is_saved_as_a_picture_by_any_renderer(
    scene: Scene, finder: Finder, tmp_path: Path
) -> None:
    match = finder.find(scene.source, scene.uuid, scene.target)
    for name, renderer in (("heat.jpg", None), ("pair.png", "pair")):
        path = match.save(tmp_path / name, renderer)
        assert pixels(path).ndim == 3
    with pytest.raises(UsageError, match="no renderer named 'nothing'"):
        match.save(tmp_path / "other.jpg", "nothing")


def test_the_repr_says_where_and_how_sure(scene: Scene, finder: Finder) -> None:
    shown = repr(finder.find(scene.source, scene.uuid, scene.target))
    assert shown.startswith(f"<FoundMole {scene.uuid[:8]} at (")
    assert "confidence 0." in shown
    assert "±" in shown


def test_blobs_say_whether_there_is_a_spot(scene: Scene, finder: Finder) -> None:
    """At a true mark there is one; at bare skin there is none."""
    assert finder.find(scene.source, scene.uuid, scene.target).blob.at_mark


def test_a_finder_is_shared_by_threads(scene: Scene, finder: Finder) -> None:
    """Calls from several threads give what one gives alone."""
    alone = finder.find(scene.source, scene.uuid, scene.target)
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(finder.find(scene.source, scene.uuid, scene.target))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(m.x, m.y) for m in found] == pytest.approx(
        np.array([(alone.x, alone.y)] * 3), abs=0.01
    )


def test_a_closed_finder_can_be_used_again(scene: Scene) -> None:
    with Finder(extractor="xfeat", matcher="cosine", image_size=256) as finder:
        first = finder.find(scene.source, scene.uuid, scene.target)
    again = finder.find(scene.source, scene.uuid, scene.target)
    assert (first.x, first.y) == pytest.approx((again.x, again.y), abs=0.01)


def test_what_is_wrong_with_a_call_is_one_error_that_names_no_flag(
    scene: Scene, tmp_path: Path
) -> None:
    """Errors below the command line are for a person who writes Python."""
    bare = save(pixels(scene.source), tmp_path / "bare.png")
    mark(bare, (OTHER_MOLE, 3, 3))
    wrong: list[Callable[[], object]] = [
        lambda: Finder(extractor="nothing"),
        lambda: Finder(extractor="xfeat", image_size=255),
        lambda: Finder(extractor="xfeat", sizes=3),
        lambda: Finder(extractor="xfeat", min_confidence=float("nan")),
        lambda: Finder(extractor="xfeat", options={"matcher.nothing": 1}),
        lambda: find_mole(tmp_path / "none.jpg", "abcdef", scene.target, extractor="xfeat"),
        lambda: find_mole(bare, scene.uuid, scene.target, extractor="xfeat"),
        lambda: find_mole(pixels(bare), "abcdef", scene.target, extractor="xfeat"),
        lambda: find_mole(bare, (1e6, 3.0), scene.target, extractor="xfeat"),
        lambda: find_mole(np.zeros((3, 3)), (1, 1), scene.target, extractor="xfeat"),  # type: ignore[arg-type]
        lambda: find_mole(3, (1, 1), scene.target, extractor="xfeat"),  # type: ignore[arg-type]
        lambda: find_mole([], (1, 1), scene.target, extractor="xfeat"),
    ]
    for call in wrong:
        with pytest.raises(MelError) as told:
            call()
        message = str(told.value)
        assert "--" not in message
        assert "\n" not in message


@pytest.mark.slow
def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import mel_debug` and its names for errors cost next to nothing."""
    code = (
        "import sys, mel_debug; mel_debug.MelError; mel_debug.find_mole; "
        "print(*sorted({'torch', 'timm', 'numpy', 'PIL', 'skimage'} & set(sys.modules)))"
    )
    outcome = run_python("-c", code)
    assert (outcome.code, outcome.stdout.strip()) == (0, "")


@pytest.mark.parametrize(
    "mole", [(1.0, 2.0, 3.0), (), None, 5, ("a", "b")], ids=["three", "none", "None", "5", "text"]
)
def test_what_is_no_mole_is_refused(finder: Finder, scene: Scene, mole: Any) -> None:
    with pytest.raises(UsageError, match=r"a mole is a uuid, a Mole or \(x, y\), not "):
        finder.find(scene.source, mole, scene.target)


def test_what_is_no_photo_is_refused(finder: Finder, scene: Scene) -> None:
    """An image without pixels, and a path that no file can have."""
    with pytest.raises(UsageError, match="at least 1 x 1 pixels"):
        finder.find(scene.source, (5, 5), Image.new("RGB", (0, 0)))
    with pytest.raises(UsageError, match="is no name of a file"):
        finder.find("photo\0.jpg", (5, 5), scene.target)
