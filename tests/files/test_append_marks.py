"""Laws of adding marks: no existing mark is lost, whatever else writes at the same time."""

import json
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import markers
from markers import add_one_by_one, append_without_lock, can_exchange, new_mark
from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.append_marks import NewMark, append_marks, check_appendable
from mel_debug.files.hidden_names import PART, hidden_name
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


@pytest.mark.slow
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
    """The path of a photo; after the test there are only marks beside it."""
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
    """For example that of a mark made meanwhile: there is only one mole at a place."""
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


@pytest.mark.parametrize("digits", ["-0", "1.10", "1e5", "12345678901234567890.10"])
def test_numbers_keep_their_spelling(photo: Path, digits: str) -> None:
    """Of places and of keys that mean nothing to us."""
    there = f'[{{"uuid":"a","x":-0,"y":2.50,"note":[{digits}]}}]'
    marks_path(photo).write_text(there)
    append_marks(photo, [new_mark("b", 1)])
    text = marks_path(photo).read_text()
    assert f"            {digits}\n" in text
    assert '"x": -0,' in text.replace("-0\n", "-0,")
    assert '"y": 2.50' in text


@pytest.mark.slow
@given(st.lists(entries, min_size=1, max_size=4), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_a_file_without_the_new_mark_is_the_old_file(
    there: list[dict[str, Any]], newline: str, bom: bool
) -> None:
    """Byte for byte, if it was in `mel`'s layout: line ends and byte order mark too."""
    old = (b"\xef\xbb\xbf" if bom else b"") + as_mel_writes(there).replace("\n", newline).encode()
    mark = new_mark("new", 1)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        marks_path(photo).write_bytes(old)
        append_marks(photo, [mark])
        new = marks_path(photo).read_bytes()
    entry = as_mel_writes([mark.as_entry()])[1:-3].replace("\n", newline).encode()
    assert new.replace(b"," + entry, b"") == old


@pytest.mark.parametrize("more", ['"x": 3', '"note": {"a": 1, "b": 2, "a": 3}'])
def test_a_file_with_a_key_twice_is_not_rewritten(photo: Path, more: str) -> None:
    """One of the values would be lost. It can be read as before."""
    text = f'[{{"uuid": "a", "x": 1, "y": 2, {more}}}]'
    marks_path(photo).write_text(text)
    with pytest.raises(MelError, match=r"photo\.jpg\.json: the key .* occurs twice"):
        append_marks(photo, [new_mark("b", 0)])
    assert append_marks(photo, [NewMark("a", Point(9, 9), 0.5)]).written == ()
    assert marks_path(photo).read_text() == text
    assert len(read_moles(photo)) == 1


def _leave(_marks: Path) -> None:
    """Nothing is wrong with the file."""


def _lock(marks: Path) -> None:
    marks.chmod(0o444)


def _link(marks: Path) -> None:
    marks.with_name("other.json").hardlink_to(marks)


def _repeat_a_key(marks: Path) -> None:
    marks.write_text('[{"uuid": "a", "x": 1, "y": 2, "x": 3}]')


def _damage(marks: Path) -> None:
    marks.write_text("[{")


@pytest.mark.parametrize("spoil", [_leave, Path.unlink, _lock, _link, _repeat_a_key, _damage])
def test_the_check_refuses_what_appending_would_refuse(
    photo: Path, spoil: Callable[[Path], None]
) -> None:
    """With the same message; it changes no file and leaves none behind."""
    marks_path(photo).write_text('[{"uuid": "a", "x": 1, "y": 2}]')
    spoil(marks_path(photo))

    def state() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in photo.parent.iterdir() if path.is_file()}

    def refusal(act: Callable[[], object]) -> str:
        try:
            act()
        except MelError as error:
            return str(error)
        return ""

    before = state()
    checked = refusal(lambda: check_appendable(photo))
    assert state() == before
    assert checked == refusal(lambda: append_marks(photo, [new_mark("b", 0)]))
    assert bool(checked) == (spoil not in (_leave, Path.unlink))


@pytest.mark.parametrize("uuid", ["\\ud800", "a\\u0000b", "\u00e9", "\\u00e9"])
def test_uuids_stay_as_they_are_spelled(photo: Path, uuid: str) -> None:
    """Also those that are no text that could be printed; and they are found again."""
    marks_path(photo).write_text(f'[{{"uuid": "{uuid}", "x": 1, "y": 2}}]', encoding="utf-8")
    (mole,) = read_moles(photo)
    added = append_marks(photo, [NewMark(mole.uuid, Point(1, 1), 0.5), new_mark("b", 1)])
    assert len(added.there_already) == len(added.written) == 1
    assert f'"uuid": "{uuid}"' in marks_path(photo).read_text(encoding="utf-8")


def test_a_deeply_nested_value_is_preserved(photo: Path) -> None:
    note = "[" * 400 + "]" * 400
    marks_path(photo).write_text(f'[{{"uuid": "a", "x": 1, "y": 2, "note": {note}}}]')
    append_marks(photo, [new_mark("b", 1)])
    assert json.loads(marks_path(photo).read_text())[0]["note"] == json.loads(note)


def test_a_file_without_a_final_newline_gets_one(photo: Path) -> None:
    marks_path(photo).write_text("[]")
    append_marks(photo, [new_mark("b", 1)])
    assert marks_path(photo).read_text().endswith("\n]\n")


@pytest.mark.parametrize(
    "name", ["x" * 250, "x" * 240 + ".jpg", "\u00e9" * 120 + ".jpg", "\udcff.jpg"]
)
def test_names_may_be_as_long_as_the_file_system_allows(tmp_path: Path, name: str) -> None:
    """And may be bytes that are no UTF-8. Nothing but the marks is left."""
    photo = tmp_path / name
    try:
        marks_path(photo).touch()
    except OSError as error:
        pytest.skip(f"this file system has no such names: {error}")
    marks_path(photo).unlink()
    for number in range(2):
        append_marks(photo, [new_mark("a", 20 * number)])
    assert len(read_moles(photo)) == 2
    assert list(tmp_path.iterdir()) == [marks_path(photo)]


def test_a_name_that_leaves_no_room_for_the_ending_is_one_line(tmp_path: Path) -> None:
    photo = tmp_path / ("x" * 252)
    photo.touch()
    for attempt in (lambda: read_moles(photo), lambda: append_marks(photo, [new_mark("a", 1)])):
        with pytest.raises(MelError, match="File name too long"):
            attempt()
    assert list(tmp_path.iterdir()) == [photo]


def test_what_killed_writers_left_goes_with_the_next_write(photo: Path) -> None:
    """And only that: files of other photos stay."""
    mine = marks_path(photo).with_name(f"{hidden_name(marks_path(photo))}.abc{PART}")
    others = photo.with_name(f"{hidden_name(photo)}.abc{PART}")
    mine.touch()
    others.touch()
    append_marks(photo, [new_mark("a", 1)])
    assert not mine.exists()
    others.unlink()


def test_a_file_in_the_middle_of_being_written_is_waited_for(photo: Path) -> None:
    """A program that writes in place leaves it empty, then half, then whole."""
    text = as_mel_writes([{"uuid": "a", "x": 1, "y": 2}])
    marks_path(photo).write_text("")

    def write() -> None:
        for end in range(0, len(text), 10):
            marks_path(photo).write_text(text[:end])
            time.sleep(0.02)
        marks_path(photo).write_text(text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        append_marks(photo, [new_mark("b", 20)])
    finally:
        writer.join()
    assert {mole.uuid for mole in read_moles(photo)} >= {"a"}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["in place", "rename"])
def test_a_program_without_a_lock_keeps_its_marks(photo: Path, way: str) -> None:
    """It reads, appends and writes every 2 ms. On a busy machine one write in a thousand is lost.

    Two in three were, when the file was not checked again before and after it was replaced.
    """
    if not can_exchange(photo.parent):
        pytest.skip("files can't be swapped here: a moment remains in which a write is lost")
    marks_path(photo).write_text("[]\n")
    writer = spawn.Process(target=append_without_lock, args=(marks_path(photo), way, 150, 0.002))
    writer.start()
    number = 0
    while writer.is_alive():
        append_marks(photo, [new_mark("a", number)])
        number += 1
    writer.join()
    assert writer.exitcode == 0
    uuids = {mole.uuid for mole in read_moles(photo)}
    assert len({f"f{number:031d}" for number in range(150)} - uuids) <= 3


DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from mel_debug.core.errors import MelError
from mel_debug.files.append_marks import NewMark, append_marks, check_appendable
from mel_debug.core.geometry import Point
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
try:
    append_marks(Path(sys.argv[1]), [NewMark("a" * 1000, Point(1, 1), 0.5)])
except MelError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_disk_leaves_the_marks_as_they_were(photo: Path) -> None:
    marks_path(photo).write_text("[]\n")
    outcome = run_python("-c", DISK_FULL, str(photo))
    assert f"{marks_path(photo)} can't be written" in outcome.stdout, outcome
    assert marks_path(photo).read_text() == "[]\n"


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


@pytest.mark.slow
def test_two_processes_lose_no_mark(photo: Path) -> None:
    """Each adds its marks one by one; in the end all exist, in the order of each process."""
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


@pytest.mark.slow
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
