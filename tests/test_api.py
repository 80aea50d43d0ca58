"""Laws of the Python interface: `find_mole`, `Finder` and what they return."""

import json
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from extras import needs_xfeat
from mel_debug import Finder, MelError, Mole, UsageError, find_mole
from mel_debug.api import ImageLike, MoleLike, Settings
from mel_debug.core.geometry import Point
from mel_debug.plugins.config import RunConfig
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_match_is_saved_as_a_picture_by_any_renderer(
    scene: Scene, finder: Finder, tmp_path: Path
) -> None:
    match = finder.find(scene.source, scene.uuid, scene.target)
    for name, renderer in (("heat.jpg", None), ("pair.png", "pair")):
        path = match.save(tmp_path / name, renderer)
        assert pixels(path).ndim == 3
    with pytest.raises(UsageError, match="no renderer named 'nothing'"):
        match.save(tmp_path / "other.jpg", "nothing")


def test_the_repr_has_place_and_confidence(scene: Scene, finder: Finder) -> None:
    """So that a notebook shows the answer."""
    text = repr(finder.find(scene.source, scene.uuid, scene.target))
    assert text.startswith(f"<FoundMole {scene.uuid[:8]} at (")
    assert "confidence 0." in text
    assert "±" in text


def test_blobs_and_hints_agree_about_a_spot_at_the_mark(scene: Scene, finder: Finder) -> None:
    """At a true mark there is a spot and no hint; on bare skin the hint names the photo."""
    marked = finder.find(scene.source, scene.uuid, scene.target)
    assert (marked.blob.at_mark, marked.blob.at_match, marked.hints) == (True, True, ())
    plain = np.full_like(pixels(scene.source), 150)
    plain[100:110, 200:210] = 90
    bare = finder.find(plain, (30, 30), scene.target)
    assert not bare.blob.at_mark
    assert bare.hints == ("no spot at the mark in source; is the mark in the right place?",)


def test_candidates_start_with_the_match(scene: Scene, finder: Finder) -> None:
    """There are at most as many as requested; fewer than 1 is an error."""
    match = finder.find(scene.source, scene.uuid, scene.target)
    places = match.candidates(3)
    assert 1 <= len(places) <= 3
    assert (places[0][0].x, places[0][0].y) == pytest.approx((match.x, match.y))
    with pytest.raises(UsageError, match="at least 1, not 0"):
        match.candidates(0)


def test_no_photo_of_a_match_is_overwritten(scene: Scene, finder: Finder, tmp_path: Path) -> None:
    """Not even with force; other files are replaced with force only."""
    match = finder.find(scene.source, scene.uuid, scene.target)
    before = scene.target.read_bytes()
    other = tmp_path / "other.png"
    other.write_bytes(b"somebody's")
    for path, force in ((scene.target, True), (scene.source, True), (other, False)):
        with pytest.raises(UsageError):
            match.save(path, force=force)
    assert scene.target.read_bytes() == before
    match.save(other, force=True)
    assert pixels(other).ndim == 3


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda x, y: (int(x), int(y)), id="ints"),
        pytest.param(lambda x, y: (np.float32(x), np.int64(y)), id="numpy scalars"),
        pytest.param(lambda x, y: np.array([x, y]), id="array"),
        pytest.param(lambda x, y: [x, y], id="list"),
    ],
)
def test_a_place_is_any_pair_of_numbers(
    scene: Scene, finder: Finder, convert: Callable[[float, float], Any]
) -> None:
    match = finder.find(scene.source, convert(*scene.mark), scene.target)
    assert abs(match.x - scene.truth[0] - 0.5) <= CELL


def test_one_source_in_a_list_is_that_source(scene: Scene, finder: Finder) -> None:
    """A list or tuple of one path, text or array gives one view."""
    image = pixels(scene.source)
    for sources in ([scene.source], (str(scene.source),), [image], [image, image]):
        match = finder.find(sources, scene.mark, scene.target)
        assert len(match.query.views) == 1


def test_moles_may_repeat_and_share_a_name(scene: Scene, finder: Finder) -> None:
    """Each mole of the list has one result, in order."""
    found = finder.find_all(
        scene.source, [scene.uuid, (20, 20), scene.uuid, scene.mark], scene.target
    )
    assert [match.uuid for match in found] == [scene.uuid, "mole", scene.uuid, "mole"]
    assert (found[0].x, found[0].y) == pytest.approx((found[2].x, found[2].y))
    assert found[1].query.views[0].point == Point(20, 20)


@pytest.mark.parametrize("mode", ["P", "L", "1", "RGBA", "LA", "CMYK", "I;16", "YCbCr"])
def test_pillow_images_of_any_mode_are_photos(scene: Scene, finder: Finder, mode: str) -> None:
    """The image itself does not change."""
    with Image.open(scene.target) as opened:
        image = (
            Image.fromarray(np.asarray(opened.convert("L")).astype(np.uint16) * 257)
            if mode == "I;16"
            else opened.convert("L").convert(mode)
            if mode in ("1", "LA")
            else opened.convert(mode)
        )
    before = image.tobytes()
    match = finder.find(scene.source, scene.mark, image)
    assert match.target.photo.size == match.match.grid.photo
    assert (image.mode, image.tobytes()) == (mode, before)


def test_a_mask_beside_a_path_hides_its_area(scene: Scene) -> None:
    """Unless masks are not used: the match is then where the mole is."""
    mask = np.full(pixels(scene.target).shape[:2], 255, np.uint8)
    x, y = scene.truth
    mask[max(0, y - 40) : y + 40, max(0, x - 40) : x + 40] = 0
    save(mask, Path(f"{scene.target}.mask.png"))
    for use_masks in (True, False):
        with Finder(
            extractor="xfeat", matcher="cosine", image_size=256, use_masks=use_masks
        ) as finder:
            match = finder.find(scene.source, scene.uuid, scene.target)
        assert (abs(match.x - x - 0.5) <= CELL) == (not use_masks)


def test_a_mole_under_the_mask_is_named_as_in_its_marks(scene: Scene, finder: Finder) -> None:
    mask = np.full(pixels(scene.source).shape[:2], 255, np.uint8)
    x, y = scene.mark
    mask[y - 30 : y + 30, x - 30 : x + 30] = 0
    save(mask, Path(f"{scene.source}.mask.png"))
    with pytest.raises(MelError, match=f"its mask hides mole {scene.uuid}"):
        finder.find(scene.source, scene.uuid, scene.target)


def test_settings_are_the_fields_of_the_run_config() -> None:
    """Each setting can be given by name; two have another name than their field."""
    names = {"stage_options": "options", "no_cache": "cache"}
    expected = {names.get(each.name, each.name) for each in fields(RunConfig)}
    assert set(Settings.__annotations__) == expected


def test_settings_reach_the_run(tmp_path: Path) -> None:
    """Paths may be texts; None means the default, as if the setting were left out."""
    finder = Finder(
        extractor="xfeat", renderer="pair", image_size=None, cache_dir=str(tmp_path), device=None
    )
    assert finder.run.renderer.name == "pair"
    assert finder.run.image_size == finder.run.extractor.image_size
    assert finder.run.cache is not None
    assert finder.run.cache.folder.is_relative_to(tmp_path)
    assert Finder(extractor="xfeat", cache=False).run.cache is None
    config = RunConfig(extractor="xfeat", image_size=256)
    assert Finder(config).description == "xfeat at 256 px"


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extractor": "nothing"}, "no extractor named 'nothing'"),
        ({"extractor": 3}, "`extractor` must be a text, not 3"),
        ({"image_size": 255}, "`image_size` 255 is not a multiple"),
        ({"image_size": "896"}, "`image_size` must be a whole number above 0, not '896'"),
        ({"threads": 0}, "`threads` must be a whole number above 0, not 0"),
        ({"sizes": 3}, "unknown setting 'sizes'; the settings are: extractor,"),
        ({"weights": 3}, "`weights` must be a path, not 3"),
        ({"cache": "no"}, "`cache` must be True or False, not 'no'"),
        ({"overlap": "half"}, "`overlap` must be a number, not 'half'"),
        ({"min_confidence": float("nan")}, "`min_confidence` must be from 0 to 1, not nan"),
        ({"min_confidence": "high"}, "`min_confidence` must be from 0 to 1, not 'high'"),
        ({"options": {"matcher.nothing": 1}}, "has no option 'nothing'"),
        ({"options": ["k", 1]}, "`options` must be a dictionary"),
        ({"config": RunConfig()}, "give `config` or settings, not both"),
    ],
)
def test_a_wrong_setting_is_one_clear_error(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Finder(**{"extractor": "xfeat", **settings})
    assert message in str(caught.value)
    assert_for_python(caught.value)


def test_a_wrong_photo_is_one_clear_error(scene: Scene, finder: Finder, tmp_path: Path) -> None:
    """It names the photo and, for an array, how to convert it."""
    closed = Image.open(scene.target)
    closed.close()
    cut_short = tmp_path / "cut.png"
    cut_short.write_bytes(scene.target.read_bytes()[:3000])
    image = pixels(scene.target)
    wrong: list[tuple[Any, str]] = [
        (tmp_path, "is a folder"),
        (tmp_path / "none.jpg", "does not exist"),
        (image[..., 0], "target: a photo as an array is .* np.stack"),
        (np.dstack([image, image[..., 0]]), r"rgba\[..., :3\]"),
        (image.transpose(2, 0, 1), "np.moveaxis"),
        (image / 255, "astype"),
        (np.zeros((0, 0, 3), np.uint8), "it is empty"),
        (image[np.newaxis], "one image"),
        (closed, "can't be read"),
        ([image], "not an object of type list"),
        (b"photo.jpg", "not an object of type bytes"),
        (None, "target: a photo is a path"),
    ]
    for target, message in wrong:
        with pytest.raises(MelError, match=message) as caught:
            finder.find(scene.source, scene.mark, target)
        assert_for_python(caught.value)
    with Image.open(cut_short) as opened, pytest.raises(MelError, match=r"cut\.png can't be read"):
        finder.find(scene.source, scene.mark, opened)
    with pytest.raises(UsageError, match="no source photo is given"):
        finder.find([], scene.mark, scene.target)


def test_a_wrong_mole_is_one_clear_error(scene: Scene, finder: Finder, tmp_path: Path) -> None:
    """It says what a mole can be, or names the mole and the photo."""
    bare = save(pixels(scene.source), tmp_path / "bare.png")
    mark(bare, (OTHER_MOLE, 3, 3), (scene.uuid, 900, 3))
    wrong: list[tuple[Any, str]] = [
        ((1e6, 3.0), r"the mole at \(1e\+06, 3\) is outside the photo of 256 x 224"),
        ((float("nan"), 3.0), "is outside the photo"),
        (Mole("m", Point(-1, 3)), "is outside the photo"),
        (scene.uuid, "is marked at .* outside the photo"),
        ("0f0f0f", "no mole '0f0f0f' is marked"),
        ((1, 2, 3), "a mole is a uuid"),
        (("x", "y"), "a mole is a uuid"),
        (None, "a mole is a uuid"),
    ]
    for mole, message in wrong:
        with pytest.raises(MelError, match=message) as caught:
            finder.find(bare, mole, scene.target)
        assert_for_python(caught.value)
    with pytest.raises(UsageError, match=r"give the mole as \(x, y\)"):
        finder.find(pixels(bare), "abcdef", scene.target)
    for moles in (scene.uuid, (3, 4), Mole("m", Point(1, 1)), 3, None):
        with pytest.raises(UsageError, match="needs a list of moles"):
            finder.find_all(bare, moles, scene.target)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="no mole is given"):
        finder.find_all(bare, [], scene.target)


def test_find_mole_passes_its_settings_on(scene: Scene) -> None:
    """One call is the same as a finder used once."""
    match = find_mole(
        scene.source, scene.uuid, scene.target, extractor="xfeat", matcher="cosine", image_size=256
    )
    assert (match.run.extractor.name, match.run.image_size) == ("xfeat", 256)


def assert_for_python(error: MelError) -> None:
    """An error below the command line is one line and names no flag."""
    assert "--" not in str(error)
    assert "\n" not in str(error)


@pytest.mark.slow
def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import mel_debug` and its names for errors cost next to nothing."""
    code = (
        "import sys, mel_debug; mel_debug.MelError; mel_debug.find_mole; "
        "print(*sorted({'torch', 'timm', 'numpy', 'PIL', 'skimage'} & set(sys.modules)))"
    )
    outcome = run_python("-c", code)
    assert (outcome.code, outcome.stdout.strip()) == (0, "")


def test_a_path_with_a_null_character_is_refused(finder: Finder, scene: Scene) -> None:
    """No file can have it."""
    with pytest.raises(UsageError, match="is no name of a file"):
        finder.find("photo\0.jpg", (5, 5), scene.target)
