"""Work on one moles file for processes of their own; here, where they can import it by name."""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.files.append_marks import NewMark, append_marks
from mel_debug.files.exchange import exchanged
from mel_debug.files.locking import locked
from mel_debug.files.marks import marks_path, read_moles


def new_mark(name: str, number: int) -> NewMark:
    return NewMark(f"{name}{number:031d}", Point(number + 0.7, 5.2), 0.87654)


def add_one_by_one(photo: Path, name: str, count: int) -> None:
    """Add so many marks, each with a write of its own."""
    for number in range(count):
        append_marks(photo, [new_mark(name, number)])


def hold(path: Path, held: Path, seconds: float) -> None:
    """Lock a file, say so by making another, and keep the lock for a while."""
    with locked(path):
        held.touch()
        time.sleep(seconds)


def append_without_lock(path: Path, way: str, count: int, seconds: float) -> None:
    """Read the marks, append one and write them all, so many times; in place or by a rename."""
    for number in range(count):
        entries = json.loads(path.read_text())
        text = json.dumps([*entries, {"uuid": f"f{number:031d}", "x": number, "y": 900}])
        if way == "in place":
            path.write_text(text)
        else:
            beside = path.with_suffix(".foreign")
            beside.write_text(text)
            beside.replace(path)
        time.sleep(seconds)


def can_exchange(folder: Path) -> bool:
    """Whether two files of a folder can swap their names at once."""
    first, second = folder / "first", folder / "second"
    first.touch()
    second.touch()
    try:
        return exchanged(first, second)
    finally:
        first.unlink()
        second.unlink()


def kill_writers(photo: Path, kills: int) -> None:
    """Kill a process that adds marks, again and again; after each the file must be whole.

    Ends with an AssertionError, or MelError, as soon as it is not.
    """
    chance = random.Random(7)
    whole = 0
    with locked(marks_path(photo)):  # loads what the children would each load
        pass
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            for number in range(whole, 10**6):
                append_marks(photo, [new_mark("a", number)])
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        moles = read_moles(photo) if marks_path(photo).exists() else []
        # One mark was added at a time: the file is what some complete write left.
        assert [mole.uuid for mole in moles] == [
            new_mark("a", number).uuid for number in range(len(moles))
        ]
        assert len(moles) >= whole, "marks were lost"
        whole = len(moles)
    print(whole)  # noqa: T201


if __name__ == "__main__":
    try:
        kill_writers(Path(sys.argv[1]), int(sys.argv[2]))
    except (AssertionError, MelError) as error:
        sys.exit(f"after a kill: {error!r}")
