"""Laws of `mel-debug compare-marks`."""

import csv
import io
import json
from pathlib import Path

import pytest

from mel_debug.files.marks import marks_path
from workbench import run, save, skin

pytestmark = pytest.mark.usefixtures("only_builtins")


def write(photo: Path, stem: str | None, *entries: tuple[str, int, int, float | None]) -> None:
    marks = [
        {"uuid": name, "x": x, "y": y, "is_uuid_canonical": stem is None}
        | ({} if sure is None else {"confidence": sure})
        for name, x, y, sure in entries
    ]
    marks_path(photo, stem).write_text(json.dumps(marks))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Four true marks; guesses of which two match, one is misplaced and one of no true mole."""
    photo = save(skin(64, 64), tmp_path / "photo.png")
    write(photo, None, *((name, 100 * n, 0, None) for n, name in enumerate("abcd")))
    write(
        photo, "auto", ("a", 3, 4, 0.9), ("b", 100, 0, 0.8), ("c", 200, 60, 0.3), ("x", 9, 9, 0.4)
    )
    return photo


@pytest.mark.slow
def test_the_measures_match_a_case_computed_by_hand(photo: Path) -> None:
    """2 of 4 found, 2 of 4 guesses right, and every right guess has the higher confidence."""
    report = run("compare-marks", str(photo), "--extra-stem", "auto", "--json").report
    counts = [report[kind] for kind in ("matched", "misplaced", "missing", "added")]
    assert counts == [2, 1, 1, 1]
    assert (report["recall"], report["precision"], report["auroc"]) == (0.5, 0.5, 1.0)
    (compared,) = report["photos"]
    assert compared["missing"] == ["d"]
    assert [guess["error_px"] for guess in compared["guesses"]] == [5.0, 0.0, 60.0, None]
    at = {line["confidence"]: line for line in report["roc"]}
    assert at[0.4]["guesses"] == 3
    assert at[0.4]["precision"] == pytest.approx(2 / 3)
    assert at[0.4]["true_positive_rate"] == 1.0
    assert at[0.4]["false_positive_rate"] == 0.5
    assert at[0.8]["false_positive_rate"] == 0.0


def test_a_photo_and_its_link_are_compared_once(photo: Path, tmp_path: Path) -> None:
    """With the marks beside the real file."""
    link = tmp_path / "links" / "link.png"
    link.parent.mkdir()
    link.symlink_to(photo)
    arguments = (str(link), str(tmp_path), "--extra-stem", "auto", "--json")
    (compared,) = run("compare-marks", *arguments).report["photos"]
    assert compared["photo"] == str(link)
    assert len(compared["guesses"]) == 4


def test_the_error_distance_decides_what_matches(photo: Path) -> None:
    """In pixels, the limit included."""
    for distance, matched in ((4.9, 1), (5.0, 2), (60.0, 3)):
        asked = ("--extra-stem", "auto", "--error-distance", str(distance), "--json")
        assert run("compare-marks", str(photo), *asked).report["matched"] == matched


def test_only_moles_of_the_references_can_be_missing(photo: Path, tmp_path: Path) -> None:
    """A mole that no reference marks could not be found."""
    known = save(skin(64, 64), tmp_path / "known.png")
    write(known, None, ("a", 0, 0, None), ("b", 0, 0, None), ("c", 0, 0, None))
    asked = ("--extra-stem", "auto", "--reference", str(known), "--json")
    report = run("compare-marks", str(photo), *asked).report
    assert (report["missing"], report["recall"]) == (0, pytest.approx(2 / 3))


def test_csv_has_a_line_for_each_guess_and_each_missing_mole(photo: Path) -> None:
    """The values of the JSON; a uuid from elsewhere is no formula of a spreadsheet."""
    write(photo, "auto", ("a", 3, 4, 0.9), ("=1+1", 9, 9, 0.4))
    outcome = run("compare-marks", str(photo), "--extra-stem", "auto", "--csv")
    assert outcome.code == 0, outcome.stderr
    rows = list(csv.DictReader(io.StringIO(outcome.stdout)))
    assert {row.pop("photo") for row in rows} == {str(photo)}
    nothing = {"error_px": "", "confidence": ""}
    assert rows == [
        {"uuid": "a", "kind": "matched", "error_px": "5.0", "confidence": "0.9"},
        {"uuid": "'=1+1", "kind": "added", "error_px": "", "confidence": "0.4"},
        *({"uuid": name, "kind": "missing", **nothing} for name in "bcd"),
    ]
    both = run("compare-marks", str(photo), "--extra-stem", "auto", "--csv", "--json")
    assert both.code == 2


def test_the_text_has_counts_rates_and_a_table_by_confidence(photo: Path) -> None:
    """The table shows the rates at other thresholds."""
    text = run("compare-marks", str(photo), "--extra-stem", "auto").stdout
    assert "recall 50.0%, precision 50.0%" in text
    assert "AUROC of the confidence 1.000" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["0.50", "2", "100.0%", "50.0%", "100.0%", "0.0%"] in rows


def test_folders_are_searched_for_photos_with_both_files(photo: Path, tmp_path: Path) -> None:
    """Other photos are ignored; without any such photo it is an error."""
    save(skin(64, 64), tmp_path / "unmarked.png")
    report = run("compare-marks", str(tmp_path), "--extra-stem", "auto", "--json").report
    assert [compared["photo"] for compared in report["photos"]] == [str(photo)]
    outcome = run("compare-marks", str(tmp_path), "--extra-stem", "other")
    assert outcome.code == 1
    assert "automark3 --extra-stem other" in outcome.error


def test_guesses_without_a_confidence_are_compared_all_the_same(photo: Path) -> None:
    """They have no ROC."""
    write(photo, "auto", ("a", 0, 0, None), ("x", 9, 9, None))
    report = run("compare-marks", str(photo), "--extra-stem", "auto", "--json").report
    assert (report["matched"], report["added"], report["auroc"]) == (1, 1, None)


def test_an_invalid_confidence_is_an_error(photo: Path) -> None:
    """The error has the file and the entry."""
    write(photo, "auto", ("a", 0, 0, 7.0))
    outcome = run("compare-marks", str(photo), "--extra-stem", "auto")
    assert outcome.code == 1
    assert "photo.png.auto.json: the confidence of entry 1" in outcome.error


def test_marks_that_are_not_canonical_are_not_true_marks(photo: Path) -> None:
    """A mark that is not canonical is a guess itself; guesses of that mole are left out."""
    entries = json.loads(marks_path(photo).read_text())
    entries[2]["is_uuid_canonical"] = False
    marks_path(photo).write_text(json.dumps(entries))
    report = run("compare-marks", str(photo), "--extra-stem", "auto", "--json").report
    counts = [report[kind] for kind in ("matched", "misplaced", "missing", "added")]
    assert counts == [2, 0, 1, 1]


@pytest.mark.parametrize("which", ["guessed", "reference"])
def test_a_photo_whose_marks_can_not_be_read_is_named_and_the_others_are_compared(
    photo: Path, tmp_path: Path, which: str
) -> None:
    """And the exit code is 1."""
    bad = save(skin(64, 64), tmp_path / "bad.png")
    write(bad, "auto", ("a", 1, 1, 0.5))
    marks_path(bad).write_text("[" * 100_000)
    asked = ["compare-marks", str(photo), "--extra-stem", "auto", "--json"]
    asked += [str(bad)] if which == "guessed" else ["--reference", str(photo)]
    asked += [] if which == "guessed" else ["--reference", str(bad)]
    outcome = run(*asked)
    assert outcome.code == 1
    assert json.loads(outcome.stdout)["matched"] == 2
    assert str(bad) in outcome.stderr
    assert outcome.stderr.splitlines()[-1] == (
        "Error: 1 of 2 photos could not be used; all others are done"
    )
