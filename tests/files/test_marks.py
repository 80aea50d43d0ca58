"""Laws of moles files."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.types import Mole
from mel_debug.files.append_marks import append_marks
from mel_debug.files.marks import (
    SHORTEST_PREFIX,
    find_mole,
    full_uuid,
    marks_path,
    moles_text,
    read_moles,
    write_new_moles,
)
from workbench import MOLE, OTHER_MOLE, mark

uuids = st.text("0123456789abcdef", min_size=32, max_size=32)
coordinates = st.integers(0, 12_000)
moles = st.builds(
    Mole,
    uuids,
    st.builds(lambda x, y: Point(x + 0.5, y + 0.5), coordinates, coordinates),
    st.booleans(),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**320)
    | st.floats()
    | st.text(max_size=8)
)
entries = st.dictionaries(
    st.sampled_from(["uuid", "x", "y", "is_uuid_canonical", "confidence"]), scalars
)
anything = st.recursive(
    scalars | entries,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


def read_text(text: str | bytes) -> list[Mole]:
    """Read a moles file of this text."""
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        marks_path(photo).write_bytes(content)
        return read_moles(photo)


def moles_or_complaint(text: str | bytes) -> list[Mole] | str:
    """The moles in a file of this text, or the message of a MelError; no other error is allowed."""
    try:
        return read_text(text)
    except MelError as error:
        return str(error)


@given(coordinates, coordinates)
def test_a_mark_is_the_centre_of_its_pixel(x: int, y: int) -> None:
    """The integer mark (x, y) is the point (x + 0.5, y + 0.5)."""
    (mole,) = read_text(json.dumps([{"uuid": MOLE, "x": x, "y": y}]))
    assert mole.point == Point(x + 0.5, y + 0.5)


def test_moles_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """Also their uuids and whether these are canonical; unknown keys do no harm."""
    photo = tmp_path / "photo.jpg"
    marks_path(photo).write_text(
        json.dumps(
            [
                {"uuid": OTHER_MOLE, "x": 3, "y": 4, "is_uuid_canonical": False, "confidence": 0.3},
                {"uuid": MOLE, "x": 1, "y": 2, "is_uuid_canonical": True},
                {"uuid": "b" * 32, "x": 5, "y": 6},
            ]
        )
    )
    read = read_moles(photo)
    assert [mole.uuid for mole in read] == [OTHER_MOLE, MOLE, "b" * 32]
    assert [mole.is_canonical for mole in read] == [False, True, True]


@given(st.lists(moles))
def test_what_is_written_reads_the_same(written: list[Mole]) -> None:
    """From moles to text and back loses nothing."""
    assert read_text(moles_text(written)) == written


def test_written_text_is_byte_for_byte_what_mel_writes() -> None:
    """4 spaces, sorted keys, no space before a line's end, a final newline."""
    text = moles_text(
        [Mole(MOLE, Point(12.5, 34.5)), Mole(OTHER_MOLE, Point(0.5, 7.5), is_canonical=False)]
    )
    assert text == (
        "[\n"
        "    {\n"
        '        "is_uuid_canonical": true,\n'
        '        "uuid": "0123456789abcdef0123456789abcdef",\n'
        '        "x": 12,\n'
        '        "y": 34\n'
        "    },\n"
        "    {\n"
        '        "is_uuid_canonical": false,\n'
        '        "uuid": "fedcba9876543210fedcba9876543210",\n'
        '        "x": 0,\n'
        '        "y": 7\n'
        "    }\n"
        "]\n"
    )


def test_marks_that_exist_are_never_replaced(tmp_path: Path) -> None:
    """Existing marks are never replaced."""
    photo = tmp_path / "photo.jpg"
    write_new_moles(photo, [Mole(MOLE, Point(1.5, 2.5))])
    before = marks_path(photo).read_bytes()
    assert before == moles_text([Mole(MOLE, Point(1.5, 2.5))]).encode()
    with pytest.raises(MelError, match="exists already"):
        write_new_moles(photo, [])
    assert marks_path(photo).read_bytes() == before


def test_an_extra_stem_names_another_file(tmp_path: Path) -> None:
    """`photo.jpg.STEM.json` holds the marks of an alternate namespace."""
    photo = tmp_path / "photo.jpg"
    mark(photo, (MOLE, 1, 1))
    Path(f"{photo}.guess.json").write_text(json.dumps([{"uuid": OTHER_MOLE, "x": 2, "y": 2}]))
    assert [mole.uuid for mole in read_moles(photo)] == [MOLE]
    assert [mole.uuid for mole in read_moles(photo, "guess")] == [OTHER_MOLE]


@given(st.lists(entries, min_size=1) | anything)
@example([{"uuid": MOLE, "x": 10**400, "y": 1}])
@example([{"uuid": MOLE, "x": 1, "y": float("inf")}])
@example([{"uuid": MOLE, "x": True, "y": 1}])
@example([[MOLE, 1, 1]])
@example([MOLE])
@example({"uuid": MOLE, "x": 1, "y": 1})
def test_any_json_gives_moles_or_our_own_error(value: object) -> None:
    """Whatever the file contains, the error is one line that names it."""
    read = moles_or_complaint(json.dumps(value))
    if isinstance(read, str):
        assert "photo.jpg.json" in read
        assert "\n" not in read
    else:
        assert isinstance(value, list)
        assert len(read) == len(value)


@given(st.text() | st.binary())
@example("[" * 100_000)
@example("1" * 5000)
@example(b"\xff\xfe")
def test_any_text_gives_moles_or_our_own_error(text: str | bytes) -> None:
    """Also when it is no JSON, or no text."""
    read = moles_or_complaint(text)
    assert isinstance(read, list) or "photo.jpg.json" in read


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"x": 1, "y": 1}, "entry 2 lacks a uuid, x or y"),
        ({"uuid": OTHER_MOLE, "y": 1}, "entry 2 lacks"),
        ("a mole", "entry 2 lacks"),
        (None, "entry 2 lacks"),
        ({"uuid": 5, "x": 1, "y": 1}, "uuid of entry 2"),
        ({"uuid": "", "x": 1, "y": 1}, "uuid of entry 2"),
        ({"uuid": OTHER_MOLE, "x": "1", "y": 1}, "x and y of entry 2"),
        ({"uuid": OTHER_MOLE, "x": 1, "y": None}, "x and y of entry 2"),
        ({"uuid": OTHER_MOLE, "x": 1, "y": float("nan")}, "x and y of entry 2"),
    ],
)
def test_a_malformed_entry_is_named_by_file_and_number(
    tmp_path: Path, entry: object, complaint: str
) -> None:
    """The message names the file and the entry."""
    photo = tmp_path / "photo.jpg"
    marks_path(photo).write_text(json.dumps([{"uuid": MOLE, "x": 1, "y": 1}, entry]))
    with pytest.raises(MelError, match=complaint) as caught:
        read_moles(photo)
    assert str(marks_path(photo)) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"null", "must contain a list of moles, not null"),
        (b'{"a": 1}', "must contain a list of moles, not an object"),
        (b'"text"', "must contain a list of moles, not a string"),
        (b"[", "is not valid JSON"),
        (b"[1, 2]", "entry 1 lacks"),
        (b"\0" * 20, "only zero bytes"),
        (b"[\xff]", "not text in UTF-8"),
        ("[]".encode("utf-16"), "text in UTF-16"),
        ("[]".encode("utf-16-be"), "text in UTF-16"),
        ("[]".encode("utf-32"), "text in UTF-32"),
        (b'[{"uuid": "a", "x": 1e200, "y": 1}]', "outside any photo"),
        (b'[{"uuid": "a", "x": 1, "y": -1e10}]', "outside any photo"),
        (b'[{"uuid": "a", "x": 1, "y": ' + b"1" * 400 + b"}]", "outside any photo"),
        (b'[{"uuid": "a", "x": 1, "y": ' + b"1" * 5000 + b"}]", "must be numbers"),
        (b'[{"uuid": "a", "x": NaN, "y": Infinity}]', "must be numbers"),
        (b'[{"uuid": "a", "x": 1e400, "y": 1}]', "must be numbers"),
        (b'[{"uuid": "a", "x": "1", "y": 1}]', "must be numbers"),
        (b'[{"uuid": "a", "y": 1, "x": ' + b"[" * 500 + b"]" * 500 + b"}]", "must be numbers"),
        (b'[{"uuid": "a", "y": 1, "x": "' + b"x" * 10**6 + b'"}]', "must be numbers"),
        (b'[{"n": ' + b"[" * 10**5 + b"]" * 10**5 + b"}]", "nested too deeply"),
    ],
)
def test_what_holds_no_marks_is_one_short_line_that_names_the_file(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    photo = tmp_path / "photo.jpg"
    marks_path(photo).write_bytes(content)
    with pytest.raises(MelError, match=complaint) as caught:
        read_moles(photo)
    assert str(marks_path(photo)) in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


def test_keys_of_no_meaning_may_hold_anything(tmp_path: Path) -> None:
    """Numbers beyond all bounds, deep nesting, and keys that occur twice."""
    photo = tmp_path / "photo.jpg"
    more = f'"a": 1e999, "b": {"7" * 5000}, "c": NaN, "d": {"[" * 400}{"]" * 400}, "a": 1'
    marks_path(photo).write_text(f'[{{"uuid": "m", "x": 1, "y": 2, {more}}}]')
    assert read_moles(photo) == [Mole("m", Point(1.5, 2.5))]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    marks_path(photo).write_text('[{"uuid": "m", "x": 1, "y": 2}]', encoding="utf-8-sig")
    assert read_moles(photo) == [Mole("m", Point(1.5, 2.5))]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_place_of_marks_is_refused_at_once(tmp_path: Path) -> None:
    """It is neither waited for nor replaced."""
    photo = tmp_path / "photo.jpg"
    os.mkfifo(marks_path(photo))
    for attempt in (lambda: read_moles(photo), lambda: append_marks(photo, [])):
        with pytest.raises(MelError, match=r"photo\.jpg\.json is a pipe"):
            attempt()
    assert marks_path(photo).is_fifo()


def test_a_photo_without_a_moles_file_is_a_usage_error(tmp_path: Path) -> None:
    """The file that is missing is named."""
    with pytest.raises(UsageError, match=r"photo\.jpg\.json does not exist"):
        read_moles(tmp_path / "photo.jpg")


def test_a_moles_file_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    """Not every failure to read is a file that is missing."""
    marks_path(tmp_path / "photo.jpg").mkdir()
    with pytest.raises(MelError, match="is a folder"):
        read_moles(tmp_path / "photo.jpg")


FOUND = [Mole(uuid, Point(1, 1)) for uuid in ("abcdef0" + "0" * 25, "abcdef1" + "1" * 25, MOLE)]


@given(st.integers(SHORTEST_PREFIX, 32), st.booleans())
def test_a_unique_start_names_a_mole(length: int, in_capitals: bool) -> None:
    """Six characters or more, in either case, as long as only one mole starts with them."""
    wanted = MOLE[:length]
    assert full_uuid(wanted.upper() if in_capitals else wanted, FOUND) == MOLE


@given(st.integers(0, SHORTEST_PREFIX - 1))
def test_a_start_that_is_too_short_is_refused(length: int) -> None:
    """Even when only one mole fits today."""
    with pytest.raises(MelError, match=f"unique prefix of {SHORTEST_PREFIX} characters"):
        full_uuid(MOLE[:length], FOUND)


def test_a_start_that_fits_several_moles_is_refused() -> None:
    """Both are listed, and one more character settles it."""
    with pytest.raises(MelError, match="matches several") as caught:
        full_uuid("abcdef", FOUND)
    assert FOUND[0].uuid in str(caught.value)
    assert FOUND[1].uuid in str(caught.value)
    assert MOLE not in str(caught.value)
    assert full_uuid("abcdef1", FOUND) == FOUND[1].uuid


@given(st.lists(uuids, min_size=2, max_size=5, unique=True), st.data())
def test_a_full_uuid_names_its_mole_whatever_the_others_are(
    there: list[str], data: st.DataObject
) -> None:
    """Nothing is ambiguous about a uuid in full."""
    wanted = data.draw(st.sampled_from(there))
    assert full_uuid(wanted, [Mole(uuid, Point(1, 1)) for uuid in there]) == wanted


def test_a_short_uuid_in_full_names_its_mole() -> None:
    """A file from elsewhere may use names that are shorter than a prefix must be."""
    assert full_uuid("m1", [Mole("m1", Point(1, 1)), Mole("m12", Point(1, 1))]) == "m1"


def test_an_unknown_uuid_lists_the_moles_there_are() -> None:
    """All of them when they are few."""
    with pytest.raises(MelError, match="f00f00f00") as caught:
        full_uuid("f00f00f00", FOUND)
    for mole in FOUND:
        assert mole.uuid in str(caught.value)


def test_an_unknown_uuid_does_not_list_hundreds() -> None:
    """Long lists are shortened, with the number of the others."""
    many = [Mole(f"{number:032x}", Point(1, 1)) for number in range(500)]
    with pytest.raises(MelError, match="and 490 more") as caught:
        full_uuid("f00f00f00", many)
    assert len(str(caught.value)) < 1000


def test_without_any_marks_there_is_no_list() -> None:
    """The sources mark nothing at all."""
    with pytest.raises(MelError, match="no moles are marked"):
        full_uuid(MOLE, [])


def test_a_source_that_lacks_the_mole_is_named() -> None:
    """Which of several photos to leave out."""
    with pytest.raises(MelError, match=r"is not marked in .*second\.jpg"):
        find_mole(MOLE, FOUND[:2], Path("second.jpg"))


def test_a_mole_marked_twice_in_one_photo_is_refused() -> None:
    """It can't be in two places."""
    with pytest.raises(MelError, match=r"second\.jpg\.json has 2 marks of mole"):
        find_mole(MOLE, [*FOUND, *FOUND], Path("second.jpg"))
