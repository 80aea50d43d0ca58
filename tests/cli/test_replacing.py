"""Laws of what commands write: inputs and files of others stay, repeating a command works."""

import os
import re
from pathlib import Path

import pytest

from extras import needs_xfeat
from mel_debug.files.marker import is_drawn
from mel_debug.files.marks import marks_path
from mel_debug.files.photos import mask_path
from sessions import Session, arguments, make_session, uuid
from workbench import Outcome, Scene, run, run_and_see_imports, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")

EVALUATE = ("--extractor", "xfeat", "--preset", "fast", "--image-size", "256")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(folder: Path, *command: str) -> str:
    """The one line with which a command refuses to write; every file stays as it is."""
    before = contents(folder)
    outcome = run(*command)
    assert outcome.code == 2, outcome
    assert contents(folder) == before
    return outcome.error


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("which", ["target", "source", "marks", "mask", "new marks"])
def test_a_search_never_draws_over_its_own_inputs(
    scene: Scene, which: str, force: tuple[str, ...]
) -> None:
    """Nor over what lies beside them."""
    save(skin(256, 224)[..., 0] * 0 + 255, mask_path(scene.target))
    output = {
        "target": scene.target,
        "source": scene.source,
        "marks": marks_path(scene.source),
        "mask": mask_path(scene.target),
        "new marks": marks_path(scene.target, "stem"),
    }[which]
    arguments = scene.arguments(*force)
    arguments[1] = str(output)
    assert "choose another name" in refused(scene.output.parent, *arguments)


@pytest.mark.slow
def test_a_refusal_comes_before_anything_heavy_is_imported(scene: Scene) -> None:
    """Even before marks are read."""
    marks_path(scene.source).unlink()
    arguments = scene.arguments()
    arguments[1] = str(scene.target)
    outcome, loaded = run_and_see_imports(scene.output.with_suffix(".txt"), *arguments)
    assert outcome.code == 2
    assert "is an input file" in outcome.error
    assert loaded == set()


@pytest.mark.slow
@needs_xfeat
def test_a_search_draws_over_its_own_picture_but_over_no_photo(scene: Scene) -> None:
    """Unless it is forced."""
    for _ in range(2):
        assert run(*scene.arguments()).code == 0
    save(skin(32, 24), scene.output)
    assert "--force" in refused(scene.output.parent, *scene.arguments())
    assert run(*scene.arguments("--force")).code == 0
    assert is_drawn(scene.output)


@pytest.mark.slow
@needs_xfeat
def test_a_file_that_appears_while_a_search_runs_is_not_replaced(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is made again right before the picture is written."""
    from mel_debug.builtin.renderers.heatmap import Heatmap

    render = Heatmap.render

    def slow(*given: object) -> object:
        scene.output.write_bytes(b"theirs")
        return render(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Heatmap, "render", slow)
    outcome = run(*scene.arguments())
    assert outcome.code == 2
    assert scene.output.read_bytes() == b"theirs"


@pytest.fixture
def days(tmp_path: Path) -> tuple[Session, Session]:
    before, after = make_session(tmp_path, "day1"), make_session(tmp_path, "day2")
    before.mark(*range(8))
    return before, after


@pytest.mark.slow
@needs_xfeat
def test_a_report_inside_a_target_folder_is_never_searched(days: tuple[Session, Session]) -> None:
    """Neither by a second run nor as a reference; the report is written again."""
    before, after = days
    report = after.photo.parent / "report"
    command = arguments([before.photo], [after.photo.parent], "--report", str(report), "--json")
    for _ in range(2):
        outcome = run(*command)
        (target,) = outcome.report["targets"]
        assert target["target"] == str(after.photo)
        assert sorted(path.name for path in report.glob("*.json")) == []
        marks_path(after.photo).unlink()
    assert len(list(report.glob("*.jpg"))) >= 6


@pytest.mark.parametrize("name", ["index.html", "0001-00000000.jpg"])
def test_a_report_that_would_replace_files_of_others_is_refused_before_marking(
    days: tuple[Session, Session], tmp_path: Path, name: str
) -> None:
    """No mark is written then."""
    before, after = days
    report = tmp_path / "report"
    report.mkdir()
    (report / name).write_bytes(b"theirs")
    command = arguments([before.photo], [after.photo], "--report", str(report))
    assert name in refused(tmp_path, *command)


@pytest.mark.slow
@needs_xfeat
@pytest.mark.parametrize("odd", ["/../../x", "a" * 300, "\ud800\x00\x1b[31m", "CON", "\n.."])
def test_a_uuid_never_becomes_a_path_nor_reaches_the_terminal_raw(
    days: tuple[Session, Session], tmp_path: Path, odd: str
) -> None:
    """Report and table come all the same; all pictures are in the report's folder."""
    before, after = days
    text = marks_path(before.photo).read_text()
    escaped = "".join(f"\\u{ord(char):04x}" for char in odd)
    marks_path(before.photo).write_text(text.replace(uuid(0), escaped))
    report = tmp_path / "deep" / "er" / "report"
    known = set(contents(tmp_path))
    outcome = run(*arguments([before.photo], [after.photo], "-v", "--report", str(report)))
    assert outcome.code == 0, outcome.stderr
    assert all(char >= " " or char == "\n" for char in outcome.stdout + outcome.stderr)
    assert set(contents(tmp_path)) - known - {marks_path(after.photo)} == set(contents(report))
    page = (report / "index.html").read_bytes().decode("utf-8")
    of_moles = re.findall(r'src="[0-9]{4}-(?!target|reference)[a-z0-9-]+\.jpg"', page)
    assert len(before.marks()) == len(of_moles)
    for picture in report.glob("*.jpg"):
        assert picture.name.isascii()
        assert len(picture.name) < 40
    assert any(entry["uuid"] == odd for entry in after.marks())


WRITERS = {
    "find": ("find", "{before}", "{after}", "--mole", "{uuid}", "-o", "{output}"),
    "history": ("history", "{uuid}", "{before}", "{after}", "--strip", "{output}"),
    "history page": ("history", "{uuid}", "{before}", "{after}", "--page", "{output}"),
    "changes": ("changes", "--reference", "{before}", "--target", "{after}", "--page", "{output}"),
    "explore": ("explore", "{before}", "{after}", "--save", "{output}"),
}
"""Commands that write one file, whose name a person chooses."""


@pytest.mark.slow
@pytest.mark.parametrize("command", WRITERS)
@pytest.mark.parametrize("which", ["before", "after", "marks", "mask", "new marks", "theirs"])
def test_no_command_writes_over_an_input_or_a_file_of_others(
    scene: Scene, command: str, which: str
) -> None:
    """Whatever the kind of file that it writes, and before it searches."""
    draws = command in ("find", "history")
    theirs = scene.output.with_suffix(".jpg" if draws else ".html")
    theirs.write_bytes(b"theirs")
    output = {
        "before": scene.source,
        "after": scene.target,
        "marks": marks_path(scene.source),
        "mask": mask_path(scene.target),
        "new marks": marks_path(scene.target),
        "theirs": theirs,
    }[which]
    names = {"before": scene.source, "after": scene.target, "uuid": scene.uuid, "output": output}
    refused(scene.output.parent, *(word.format(**names) for word in WRITERS[command]))


@pytest.mark.parametrize("option", ["--state", "--plots", "--gallery", "--html"])
def test_an_evaluation_is_refused_before_it_searches(tmp_path: Path, option: str) -> None:
    """A file of others in place of the state, a page of others in a folder."""
    save(skin(32, 24), tmp_path / "x.jpg")
    theirs = tmp_path / "index.html"
    theirs.write_text("mine")
    place = theirs if option == "--state" else tmp_path
    assert "index.html" in refused(
        tmp_path, "evaluate", str(tmp_path), *EVALUATE, option, str(place)
    )


@pytest.mark.parametrize("name", ["index.html", "../plots/index.html"])
def test_a_state_and_a_page_in_one_place_are_refused_before_searching(
    tmp_path: Path, name: str
) -> None:
    """After hours of searching the page would be refused; plots and gallery in one folder too."""
    save(skin(32, 24), tmp_path / "x.jpg")
    plots = tmp_path / "plots"
    common = ("evaluate", str(tmp_path), *EVALUATE, "--plots", str(plots))
    plots.mkdir()
    assert "are both" in refused(tmp_path, *common, "--state", str(plots / name))
    assert "are both" in refused(tmp_path, *common, "--gallery", str(plots / "."))


@pytest.mark.parametrize("option", ["--state", "--output"])
@pytest.mark.parametrize("name", ["x.jpg", "x.jpg.json", "x.jpg.new.json", "notes.json"])
def test_calibrating_replaces_no_file_of_others(tmp_path: Path, option: str, name: str) -> None:
    photo = save(skin(32, 24), tmp_path / "x.jpg")
    for path in (marks_path(photo), tmp_path / "notes.json"):
        path.write_text("[]")
    refused(tmp_path, "calibrate", str(tmp_path), *EVALUATE, option, str(tmp_path / name))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize(
    ("command", "option"),
    [("evaluate", "--state"), ("calibrate", "--state"), ("calibrate", "--output")],
)
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, command: str, option: str) -> None:
    """They could block for ever, or can't be read again."""
    os.mkfifo(tmp_path / "pipe")
    for place, kind in ((tmp_path / "pipe", "a pipe"), (Path("/dev/full"), "a device")):
        outcome = run(command, str(tmp_path), *EVALUATE, option, str(place))
        assert outcome.code == 2
        assert kind in outcome.error


def test_a_pipe_in_place_of_the_own_calibrations_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEL_DEBUG_CONFIG_DIR", str(tmp_path))
    os.mkfifo(tmp_path / "calibration.json")
    outcome = run("evaluate", str(tmp_path), *EVALUATE)
    assert outcome.code == 2
    assert "is a pipe" in outcome.error


def demo(folder: Path, *more: str) -> Outcome:
    return run("demo", str(folder), *more)


@pytest.mark.slow
@needs_xfeat
def test_the_demo_replaces_its_own_files_only(tmp_path: Path) -> None:
    """A second run works; a photo of others in place of the result needs --force, an input more."""
    for _ in range(2):
        outcome = demo(tmp_path)
        assert outcome.code == 0, outcome.stderr
    save(skin(32, 24), tmp_path / "found.jpg")
    assert "--force" in refused(tmp_path, "demo", str(tmp_path))
    assert demo(tmp_path, "--force").code == 0
    save(skin(32, 24), tmp_path / "after.jpg")
    for force in ((), ("--force",)):
        assert "after.jpg" in refused(tmp_path, "demo", str(tmp_path), *force)


@pytest.mark.slow
def test_generated_photos_never_replace_marks(tmp_path: Path) -> None:
    """Nor is any photo of a new person written beside those of another."""
    small = ("--megapixels", "0.05", "--photos", "1", "--moles", "3", "--sessions", "1")
    assert run("synth", str(tmp_path), *small).code == 0
    (photo,) = tmp_path.rglob("0.jpg")
    marks_path(photo).write_text("[]")
    error = run("synth", str(tmp_path), *small, "--sessions", "3")
    assert error.code == 2
    assert marks_path(photo).read_text() == "[]"
    assert list(tmp_path.rglob("0.jpg")) == [photo]
