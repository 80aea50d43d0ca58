"""Laws of adding marks: nothing that is there is lost, whoever writes at the same time."""

import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import markers
from markers import add_one_by_one, new_mark
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.append_marks import NewMark, append_marks
from mel_debug.files.marks import marks_path, read_moles
from workbench import run_python

spawn = multiprocessing.get_context("spawn")

uuids = st.integers(0, 12).map(lambda number: f"{number:032x}")
unknown = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
entries = st.builds(
    lambda more, fixed: {**more, **fixed},
    st.dictionaries(st.sampled_from(["confidence", "note", "Zebra", "kind"]), unknown),
    st.fixed_dictionaries(
        {
            "uuid": uuids,
            "x": st.integers(0, 6000),
            "y": st.integers(0, 6000),
            "is_uuid_canonical": st.booleans(),
        }
    ),
)
marks = st.builds(
    NewMark,
    uuids,
    st.builds(Point, st.floats(0, 6000), st.floats(0, 6000)),
    st.floats(0, 1),
)


def as_mel_writes(value: Any) -> str:
    return json.dumps(value, indent=4, sort_keys=True, separators=(",", ": ")) + "\n"


@given(st.lists(entries, max_size=6), st.lists(marks, max_size=6))
def test_what_is_there_stays_and_what_is_new_comes_last(
    there: list[dict[str, Any]], new: list[NewMark]
) -> None:
    """Order and unknown keys survive, no mole is marked twice by us, the layout is `mel`'s."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        path = marks_path(photo)
        path.write_text(as_mel_writes(there))
        added = append_marks(photo, new)
        text = path.read_text()
    after = json.loads(text)
    assert after[: len(there)] == there
    assert text == as_mel_writes(after)
    known = {entry["uuid"] for entry in there}
    expected = {mark.uuid for mark in new} - known
    assert {entry["uuid"] for entry in after[len(there) :]} == expected
    assert len(after) == len(there) + len(expected) == len(there) + len(added.written)
    for entry, mark in zip(after[len(there) :], added.written, strict=True):
        assert set(entry) == {"uuid", "x", "y", "is_uuid_canonical", "confidence"}
        assert entry["is_uuid_canonical"] is False
        assert entry["x"] <= mark.point.x < entry["x"] + 1
        assert entry["y"] <= mark.point.y < entry["y"] + 1
        assert abs(entry["confidence"] - mark.confidence) <= 0.0005


@pytest.fixture
def photo(tmp_path: Path) -> Iterator[Path]:
    """A photo's path; and when the test is over nothing but marks lies beside it."""
    folder = tmp_path / "day"
    folder.mkdir()
    yield folder / "photo.jpg"
    assert [path.name for path in folder.iterdir() if path.suffix != ".json"] == []


def test_a_file_with_nothing_to_add_is_not_touched(photo: Path) -> None:
    """Not even its layout is mended."""
    text = '[{"y":1,"uuid":"' + new_mark("a", 0).uuid + '","x":2}]'
    marks_path(photo).write_text(text)
    before = marks_path(photo).stat()
    assert append_marks(photo, [new_mark("a", 0)]).there_already == (new_mark("a", 0),)
    assert marks_path(photo).read_text() == text
    assert marks_path(photo).stat().st_mtime_ns == before.st_mtime_ns


def test_a_photo_without_marks_gets_a_file(photo: Path) -> None:
    """Of its own name, or of the stem's."""
    append_marks(photo, [new_mark("a", 3)])
    append_marks(photo, [new_mark("b", 4)], "auto")
    assert [mole.uuid for mole in read_moles(photo)] == [new_mark("a", 3).uuid]
    assert marks_path(photo, "auto").read_text() == as_mel_writes(
        [
            {
                "uuid": new_mark("b", 4).uuid,
                "x": 4,
                "y": 5,
                "is_uuid_canonical": False,
                "confidence": 0.877,
            }
        ]
    )


def test_the_place_of_another_mark_is_not_taken(photo: Path) -> None:
    """Of a mark that someone made meanwhile, say; only one mole is at one place."""
    there, near, far = new_mark("a", 0), new_mark("b", 3), new_mark("c", 100)
    append_marks(photo, [there])
    added = append_marks(photo, [near, far], apart_px=10)
    assert (added.taken, added.written) == ((near,), (far,))


def test_digits_of_unknown_keys_survive(photo: Path) -> None:
    """A number is written as it was read, however large or fine."""
    marks_path(photo).write_text(
        '[{"uuid":"a","x":1,"y":2,"z":1e400,"w":0.10,"v":123456789012345678}]'
    )
    append_marks(photo, [new_mark("b", 1)])
    text = marks_path(photo).read_text()
    for part in ('"z": 1e400', '"w": 0.10', '"v": 123456789012345678'):
        assert part in text


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"uuid": "a"}]', "[" * 100_000])
def test_a_file_that_holds_no_marks_is_left_alone(photo: Path, text: str) -> None:
    """And named in the complaint."""
    marks_path(photo).write_text(text)
    with pytest.raises(MelError, match=r"photo\.jpg\.json"):
        append_marks(photo, [new_mark("a", 0)])
    assert marks_path(photo).read_text() == text


def test_a_link_stays_a_link(photo: Path, tmp_path: Path) -> None:
    """The file that it leads to is the one that is written, with its permissions."""
    real = tmp_path / "elsewhere.json"
    real.write_text("[]")
    real.chmod(0o640)
    marks_path(photo).symlink_to(real)
    append_marks(photo, [new_mark("a", 0)])
    assert marks_path(photo).is_symlink()
    assert json.loads(real.read_text())[0]["uuid"] == new_mark("a", 0).uuid
    assert real.stat().st_mode & 0o777 == 0o640


def test_two_processes_lose_no_mark(photo: Path) -> None:
    """Each adds its marks one by one, and all of them are there in the end, in each one's order."""
    processes = [spawn.Process(target=add_one_by_one, args=(photo, name, 60)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    uuids = [mole.uuid for mole in read_moles(photo)]
    for name in "ab":
        mine = [uuid for uuid in uuids if uuid.startswith(name)]
        assert mine == [new_mark(name, number).uuid for number in range(60)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new(photo: Path) -> None:
    """A hundred times SIGKILL: every time the file is whole, and no mark is ever lost."""
    outcome = run_python(
        str(Path(markers.__file__)), str(photo), "100", env={"OPENBLAS_NUM_THREADS": "1"}
    )
    assert outcome.code == 0, outcome.stderr
    whole = int(outcome.stdout)
    assert whole > 0, "no write was ever finished"
    # The next write sweeps up what the killed ones left, and goes on.
    append_marks(photo, [new_mark("a", number) for number in range(whole + 5)])
    assert len(read_moles(photo)) == whole + 5
