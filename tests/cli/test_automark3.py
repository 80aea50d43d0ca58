"""Laws of `mel-debug automark3`, run as a command."""

import csv
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from children import default_signals
from mel_debug.core.photo import Photo
from mel_debug.core.types import FeatureMap
from mel_debug.files.locking import lock_path
from mel_debug.files.marks import marks_path
from mel_debug.files.photos import mask_path
from mel_debug.matching.features import PhotoFeatures
from sessions import GONE, Session, arguments, make_session, uuid
from tolerance import assert_same_results
from workbench import Outcome, run, run_and_see_imports, save, settings, skin

pytestmark = pytest.mark.usefixtures("only_builtins")

ALL = range(8)
CLOSE = 6.0
"""Pixels, less than a cell, within which a mole counts as found."""


@pytest.fixture
def days(tmp_path: Path) -> tuple[Session, Session]:
    """A day on which all moles are marked, and a later one without marks."""
    before, after = make_session(tmp_path, "day1"), make_session(tmp_path, "day2")
    before.mark(*ALL)
    return before, after


def automark(before: Session, after: Session, *more: str) -> Outcome:
    return run(*arguments([before.photo], [after.photo], *more))


@pytest.mark.slow
def test_moles_of_the_reference_are_marked_in_the_target(days: tuple[Session, Session]) -> None:
    """As guesses with a confidence, at the right places; a missing moles file is created."""
    before, after = days
    known = before.marks()
    outcome = automark(before, after)
    assert outcome.code == 0, outcome.stderr
    errors = after.errors()
    assert len(errors) >= 6
    assert GONE not in errors
    assert max(errors.values()) <= CLOSE
    for entry in after.marks():
        assert entry["is_uuid_canonical"] is False
        assert 0.5 <= entry["confidence"] <= 1
    assert before.marks() == known
    head, counts = outcome.stdout.splitlines()
    columns = ["added", "already marked", "not found", "uncertain", "not searched"]
    assert re.split(r"\s{2,}", head.strip()) == columns
    assert sum(map(int, counts.split()[1:])) == len(ALL)


@pytest.mark.slow
def test_a_second_run_adds_nothing(days: tuple[Session, Session]) -> None:
    """No mole is marked twice, and no mark moves."""
    before, after = days
    automark(before, after)
    first = marks_path(after.photo).read_bytes()
    report = json.loads(automark(before, after, "--json").stdout)
    assert marks_path(after.photo).read_bytes() == first
    (target,) = report["targets"]
    assert target["added"] == 0
    assert target["already_marked"] == len(after.marks())


def test_existing_marks_stay_as_they_are(days: tuple[Session, Session]) -> None:
    """With all their keys, and before the new marks."""
    before, after = days
    after.mark(2, 0, note={"kept": [1, None]}, confidence=0.25)
    there = after.marks()
    there[0]["x"] += 9
    marks_path(after.photo).write_text(json.dumps(there))
    assert automark(before, after).code == 0
    assert after.marks()[:2] == there
    assert len(after.marks()) > 2


def test_guesses_of_a_reference_are_not_searched_for(days: tuple[Session, Session]) -> None:
    """Only canonical moles are searched for."""
    before, after = days
    before.mark(*ALL, is_uuid_canonical=False)
    outcome = automark(before, after)
    assert outcome.code == 1
    assert "none of the references marks a mole" in outcome.stderr
    assert not marks_path(after.photo).exists()


@pytest.mark.slow
def test_a_dry_run_writes_nothing(days: tuple[Session, Session]) -> None:
    """But prints what it would write."""
    before, after = days
    outcome = automark(before, after, "--dry-run", "--json")
    assert outcome.report["targets"][0]["added"] >= 6
    assert "dry run" in outcome.stderr
    assert sorted(path.name for path in after.photo.parent.iterdir()) == ["0.png"]


@pytest.mark.slow
def test_csv_has_the_decisions_of_the_json(days: tuple[Session, Session]) -> None:
    """A line each; a uuid from elsewhere is no formula of a spreadsheet."""
    before, after = days
    entries = before.marks()
    entries[0]["uuid"] = "=1+1"
    marks_path(before.photo).write_text(json.dumps(entries))
    outcome, other = (automark(before, after, "--dry-run", way) for way in ("--csv", "--json"))
    assert outcome.code == 0, outcome.stderr
    (target,) = other.report["targets"]
    rows = {row["uuid"]: row for row in csv.DictReader(io.StringIO(outcome.stdout))}
    decisions = {each["uuid"]: each for each in target["moles"]}
    assert rows.keys() == {uuid.replace("=", "'=") for uuid in decisions}
    for name, decision in decisions.items():
        row = rows[name.replace("=", "'=")]
        assert row["target"] == str(after.photo)
        assert row["outcome"] == decision["outcome"]
        assert row["references"] == str(before.photo)
        for key in ("confidence", "x", "y"):
            assert row[key] == ("" if decision[key] is None else str(decision[key]))


@pytest.mark.slow
def test_a_stem_keeps_guesses_apart_from_the_true_marks(days: tuple[Session, Session]) -> None:
    """True marks are neither used nor changed, so the guesses can be compared with them."""
    before, after = days
    after.mark(*range(GONE))
    truth = marks_path(after.photo).read_bytes()
    outcome = automark(before, after, "--extra-stem", "auto")
    assert outcome.code == 0, outcome.stderr
    assert marks_path(after.photo).read_bytes() == truth
    assert len(after.errors("auto")) >= 6
    compared = run("compare-marks", str(after.photo), "--extra-stem", "auto", "--json").report
    assert compared["recall"] >= 6 / 7
    assert compared["precision"] == 1.0


@pytest.mark.slow
def test_with_verbose_every_decision_is_printed(days: tuple[Session, Session]) -> None:
    """With its reason, on standard error."""
    before, after = days
    after.mark(0)
    outcome = automark(before, after, "-v")
    lines = [line for line in outcome.stderr.splitlines() if line.startswith(str(after.photo))]
    assert len(lines) == len(ALL)
    assert "already marked: marked already" in lines[0]
    assert any(" added: its confidence is high enough; best place (" in line for line in lines)
    assert any("other moles agree" in line for line in lines)


@pytest.mark.slow
def test_requiring_more_agreeing_moles_than_there_are_adds_nothing(
    days: tuple[Session, Session],
) -> None:
    """And -v prints the reason."""
    before, after = days
    outcome = automark(before, after, "-v", "--min-consistent", "50")
    assert not marks_path(after.photo).exists()
    assert "50 are required" in outcome.stderr
    assert automark(before, after, "--min-consistent", "3").code == 0
    assert len(after.errors()) >= 5


@pytest.mark.slow
def test_a_report_shows_every_mole(days: tuple[Session, Session], tmp_path: Path) -> None:
    """Also those that were not added, each with a picture; a second run replaces the same files."""
    before, after = days
    folder = tmp_path / "report"
    dry = automark(before, after, "--report", str(folder), "--dry-run", "--json")
    outcomes = {mole["uuid"]: mole["outcome"] for mole in dry.report["targets"][0]["moles"]}
    assert set(outcomes.values()) > {"added"}
    page = (folder / "index.html").read_text()
    assert "open" in dry.stderr
    pictures = {path.name for path in folder.glob("*.jpg")}
    assert len(pictures) == len(ALL) + 2  # and both photos
    for name in pictures:
        assert page.count(f'src="{name}"') == 1
        assert (folder / name).stat().st_size < 60_000
    for mole, outcome in outcomes.items():
        assert mole in page
        assert f">{outcome}</span>" in page
    automark(before, after, "--report", str(folder))
    assert {path.name for path in folder.glob("*.jpg")} == pictures


@pytest.mark.slow
def test_a_report_by_two_jobs_has_the_same_pictures(
    days: tuple[Session, Session], tmp_path: Path
) -> None:
    """Whatever the order in which results arrive."""
    before, after = days
    third = make_session(tmp_path, "day3")
    asked = arguments([before.photo], [after.photo, third.photo], "--dry-run")
    names = []
    for jobs in ("1", "2"):
        folder = tmp_path / f"report{jobs}"
        outcome = run(*asked, "--jobs", jobs, "--report", str(folder))
        assert outcome.code == 0, outcome.stderr
        names.append(sorted(path.name for path in folder.iterdir()))
    assert names[0] == names[1]


@pytest.mark.slow
def test_two_labels_of_one_mole_are_reported(days: tuple[Session, Session], tmp_path: Path) -> None:
    """In one line on standard error, in the report and in the JSON; at most one is marked."""
    before, after = days
    twice = {**before.marks()[0], "uuid": "f" * 32}
    marks_path(before.photo).write_text(json.dumps([*before.marks(), twice]))
    outcome = automark(before, after, "--json", "--report", str(tmp_path / "report"))
    assert outcome.code == 0, outcome.stderr
    line = f"moles {uuid(0)[:8]} and ffffffff look like one mole (marked 0 px apart in"
    assert f"{line} {before.photo})" in outcome.stderr
    assert line in (tmp_path / "report" / "index.html").read_text()
    marked, *found = json.loads(outcome.stdout)["same_mole"]
    assert marked["uuids"] == [uuid(0), "f" * 32]
    assert marked["photo"] == str(before.photo)
    assert marked["places"] == [list(before.place(0))] * 2
    assert marked["was_found"] is False
    assert all(each["photo"] == str(after.photo) and each["was_found"] for each in found)
    assert len({uuid(0), "f" * 32} & {entry["uuid"] for entry in after.marks()}) <= 1


@pytest.mark.slow
def test_several_references_and_targets_after_one_flag(tmp_path: Path) -> None:
    """Or each after its own flag, and folders; a photo is never its own reference."""
    sessions = [make_session(tmp_path, day) for day in ("day1", "day2", "day3")]
    sessions[0].mark(*ALL)
    sessions[1].mark(1, 3, 5)
    folders = [session.photo.parent for session in sessions]
    outcome = run(*arguments(folders[:2], folders[1:], "--json"))
    targets = outcome.report["targets"]
    assert [target["target"] for target in targets] == [str(s.photo) for s in sessions[1:]]
    assert targets[0]["already_marked"] == 3
    (mole,) = [mole for mole in targets[1]["moles"] if mole["uuid"] == uuid(1)]
    assert set(mole["references"]) == {str(s.photo) for s in sessions[:2]}
    assert max(sessions[2].errors().values()) <= CLOSE
    again = ["--reference", str(folders[0]), "--reference", str(folders[1])]
    again += ["--target", str(tmp_path), *arguments([], [])[3:]]
    outcome = run("automark3", *again, "--json")
    assert len(outcome.report["targets"]) == 3
    assert sum(target["added"] for target in outcome.report["targets"]) == 0


@pytest.mark.slow
def test_bad_photos_are_named_and_do_not_stop_the_rest(
    days: tuple[Session, Session], tmp_path: Path
) -> None:
    """A damaged target, a reference without marks, and marks that cannot be read."""
    before, after = days
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    unmarked = save(skin(64, 64), tmp_path / "unmarked.png")
    damaged = save(skin(64, 64), tmp_path / "damaged.png")
    marks_path(damaged).write_text("[{")
    outcome = run(*arguments([before.photo, unmarked], [broken, damaged, after.photo]))
    assert outcome.code == 1
    for photo in (broken, unmarked, damaged):
        assert str(photo) in outcome.stderr
    assert "there were problems with 3 photos" in outcome.stderr.splitlines()[-1]
    assert len(after.errors()) >= 6
    assert marks_path(damaged).read_text() == "[{"


def _read_only(marks: Path) -> None:
    marks.chmod(0o444)


def _linked(marks: Path) -> None:
    marks.with_name("copy").hardlink_to(marks)


def _with_a_key_twice(marks: Path) -> None:
    marks.write_text(marks.read_text().replace('"uuid":', '"x": 1, "uuid":', 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(_read_only, "is read-only"), (_linked, "hard links"), (_with_a_key_twice, "occurs twice")],
)
def test_a_target_whose_moles_file_cannot_be_rewritten_is_not_searched(
    days: tuple[Session, Session], tmp_path: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    """It is named with the reason and the others are marked; a dry run searches it."""
    before, after = days
    third = make_session(tmp_path, "day3")
    third.mark(0)
    spoil(marks_path(third.photo))
    old = marks_path(third.photo).read_bytes()
    asked = arguments([before.photo], [third.photo, after.photo], "--json")
    outcome = run(*asked)
    assert outcome.code == 1
    refused, marked = json.loads(outcome.stdout)["targets"]
    assert refused["not_searched"] == len(ALL) - 1
    assert all(reason in each["reason"] for each in refused["moles"][1:])
    assert marked["added"] >= 6
    assert marks_path(third.photo).read_bytes() == old
    assert json.loads(run("cache", "info", "--json").stdout)["photos"] == 2
    dry = run(*asked, "--dry-run")
    assert dry.report["targets"][0]["not_searched"] == 0


def cut_short(photo: Path) -> Path:
    """Leave a photo with a whole header and half of its pixels."""
    photo.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    return photo


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        pytest.param([], id="in this process"),
        pytest.param(["--no-cache"], id="without a cache"),
        pytest.param(["--jobs", "2"], id="in others", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("which", ["target", "mask of the target", "reference"])
def test_moles_of_a_photo_that_could_not_be_read_are_not_searched(
    days: tuple[Session, Session], tmp_path: Path, which: str, more: list[str]
) -> None:
    """They are never "not found"; the other target is marked, and the exit code is 1."""
    before, after = days
    third = make_session(tmp_path, "day3")
    references = [before.photo]
    if which == "reference":
        third.mark(*ALL)
        before.mark(0, 1, 2, 3)
        bad, references = cut_short(third.photo), [before.photo, third.photo]
        targets = [after.photo]
    else:
        bad, targets = third.photo, [third.photo, after.photo]
        if which == "target":
            cut_short(bad)
        else:
            bad = cut_short(save(skin(256, 256)[..., 0], mask_path(bad)))
    outcome = run(*arguments(references, targets, *more, "--json"))
    assert outcome.code == 1
    report = json.loads(outcome.stdout)
    row = report["targets"][0]
    missed = [mole for mole in row["moles"] if mole["outcome"] == "not searched"]
    assert len(missed) == row["not_searched"] == (4 if which == "reference" else len(ALL))
    assert all(str(bad) in mole["reason"] for mole in missed)
    assert row["not_found"] == 0
    assert report["targets"][-1]["added"] >= 3
    problem_photo = bad if which != "mask of the target" else third.photo
    assert [problem["photo"] for problem in report["problems"]] == [str(problem_photo)]
    assert f"{len(missed)} moles were not searched" in outcome.stderr.splitlines()[-1]
    assert "problems with 1 photo," in outcome.stderr.splitlines()[-1]


def test_a_report_lists_what_was_not_searched(
    days: tuple[Session, Session], tmp_path: Path
) -> None:
    """In its table, with the photo that could not be read."""
    before, after = days
    bad = cut_short(make_session(tmp_path, "day3").photo)
    run(*arguments([before.photo], [after.photo, bad], "--report", str(tmp_path / "report")))
    page = (tmp_path / "report" / "index.html").read_text()
    assert "not searched" in page
    assert page.count(str(bad)) >= 2


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_without_weights_one_line_comes_before_any_search(
    days: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jobs: str
) -> None:
    """And no table; both with and without a cache."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    before, after = days
    asked = ["automark3", "--reference", str(before.photo), "--target", str(after.photo)]
    outcome = run(*asked, "--offline", "--jobs", jobs)
    assert outcome.code == 1
    assert "no weights for" in outcome.error
    if jobs == "1":
        without = run(*asked, "--offline", "--no-cache")
        assert without.code == 1
        assert "no weights for" in without.stderr.splitlines()[-1]
        assert without.stdout == ""


def nested(depth: int) -> str:
    """A moles file with an extra key of lists inside of lists."""
    return f'[{{"uuid": "a", "x": 1, "y": 2, "extra": {depth * "["}1{depth * "]"}}}]'


BAD_MARKS = {
    "far away": '[{"uuid": "a", "x": 1e200, "y": 2, "is_uuid_canonical": true}]',
    "an extra key nested deep": nested(400),
    "an extra key nested without end": nested(100_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BAD_MARKS)
def test_strange_marks_of_one_target_do_not_stop_the_others(
    days: tuple[Session, Session], tmp_path: Path, kind: str
) -> None:
    """The target is either reported or decided as usual; the next target is marked."""
    before, after = days
    third = make_session(tmp_path, "day3")
    marks_path(third.photo).write_text(BAD_MARKS[kind])
    outcome = run(*arguments([before.photo], [third.photo, after.photo]))
    assert len(after.errors()) >= 6
    assert "Traceback" not in outcome.stderr
    if outcome.code:
        assert str(third.photo) in outcome.stderr
        assert marks_path(third.photo).read_text() == BAD_MARKS[kind]


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--extra-stem", "a/b"], "cannot be a stem"),
        (["--extra-stem", "absent"], "another stem"),
        (["--extractor", "nothing"], "nothing"),
        (["--jobs", "2", "--scheduler", "tcp://127.0.0.1:1"], "exclude each other"),
    ],
)
def test_wrong_options_are_usage_errors(
    days: tuple[Session, Session], more: list[str], complaint: str
) -> None:
    """With exit code 2, before any photo is read."""
    before, after = days
    outcome = automark(before, after, *more)
    assert outcome.code == 2
    assert complaint in outcome.error


@pytest.mark.slow
def test_with_cached_features_neither_torch_nor_a_model_is_loaded(
    days: tuple[Session, Session], tmp_path: Path
) -> None:
    """The second search of the same photos only needs the cache."""
    before, after = days
    asked = arguments([before.photo], [after.photo], "--dry-run", "--json")
    first, _ = run_and_see_imports(tmp_path / "note", *asked)
    second, loaded = run_and_see_imports(tmp_path / "note", *asked)
    assert_same_results(second.report, first.report)
    assert "torch" not in loaded


@pytest.mark.slow
def test_without_a_cache_each_photo_is_extracted_once(
    days: tuple[Session, Session], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """However many pairs it belongs to."""
    third = make_session(tmp_path, "day3")
    third.mark(*range(GONE))
    extracted = []
    extract = PhotoFeatures.of

    def noted(features: PhotoFeatures, photo: Photo) -> FeatureMap:
        extracted.append(photo.name)
        return extract(features, photo)

    monkeypatch.setattr(PhotoFeatures, "of", noted)
    before, after = days
    run(*arguments([before.photo, third.photo], [after.photo, third.photo], "--no-cache"))
    assert sorted(extracted) == sorted(str(session.photo) for session in (before, after, third))


@pytest.mark.slow
def test_two_jobs_give_what_one_gives(days: tuple[Session, Session]) -> None:
    """With fewer threads each; no confidence is near the threshold."""
    before, after = days
    asked = ("--min-confidence", "0.3", "--dry-run", "--json")
    here = automark(before, after, *asked)
    there = automark(before, after, *asked, "--jobs", "2")
    assert_same_results(there.report, here.report)


def process(*arguments: str) -> subprocess.Popen[bytes]:
    clean = {name: value for name, value in os.environ.items() if name not in settings()}
    with default_signals():
        return subprocess.Popen(
            [sys.executable, "-m", "mel_debug", *arguments],
            env={**clean, "MEL_DEBUG_PLUGINS": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@pytest.mark.slow
def test_two_runs_on_one_target_lose_no_mark(tmp_path: Path) -> None:
    """Each has a reference with other moles; in the end every mole is marked once."""
    sessions = [make_session(tmp_path, day) for day in ("day1", "day2", "day3")]
    sessions[0].mark(0, 1, 2, 3)
    sessions[1].mark(3, 4, 5, 6)
    target = sessions[2]
    more = ("--min-confidence", "0")
    runs = [process(*arguments([s.photo], [target.photo], *more)) for s in sessions[:2]]
    assert [run.wait(120) for run in runs] == [0, 0]
    assert sorted(entry["uuid"] for entry in target.marks()) == [uuid(n) for n in range(7)]


@pytest.mark.slow
def test_a_killed_run_leaves_the_old_file_or_the_new_and_a_rerun_completes_it(
    days: tuple[Session, Session],
) -> None:
    """SIGKILL of the whole command, at random moments."""
    before, after = days
    after.mark(0)
    old = marks_path(after.photo).read_bytes()
    asked = arguments([before.photo], [after.photo])
    start = time.monotonic()
    assert process(*asked).wait(120) == 0
    whole, new = time.monotonic() - start, marks_path(after.photo).read_bytes()
    chance = random.Random(3)
    for _ in range(4):
        marks_path(after.photo).write_bytes(old)
        running = process(*asked)
        time.sleep(chance.uniform(0.3, 1.1) * whole)
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert marks_path(after.photo).read_bytes() in (old, new)
    assert process(*asked).wait(120) == 0
    assert marks_path(after.photo).read_bytes() == new
    assert not lock_path(marks_path(after.photo)).exists()
