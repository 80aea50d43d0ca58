"""Work for workers; here, because a fresh process can import it by name."""

import os
import signal
import time
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.jobs.results import WorkerSetupError


def square(number: int) -> int:
    return number * number


def slow_square(number: int) -> int:
    time.sleep(0.05)
    return number * number


def odd_is_bad(number: int) -> int:
    """Bad in two ways: foreseen, and not."""
    if number % 4 == 1:
        raise MelError(f"{number} is odd")
    if number % 4 == 3:
        raise KeyError(number)
    return number


class AwkwardError(Exception):
    """Can be pickled, but not read back."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def awkward(number: int) -> int:
    raise AwkwardError(number, number)


def leaves(number: int) -> int:
    raise SystemExit(number)


def deadly_seven(number: int) -> int:
    time.sleep(0.01)
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def deadly(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def dies_once(place: tuple[Path, int]) -> int:
    """Kills its worker the first time it is asked for number 5, and not again."""
    folder, number = place
    time.sleep(0.01)
    if number == 5 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def fails_once(place: tuple[Path, int]) -> int:
    """As a disk may that is far away."""
    folder, number = place
    try:
        (folder / str(number)).touch(exist_ok=False)
    except FileExistsError:
        return number
    raise OSError(number)


def unfit(number: int) -> int:
    raise WorkerSetupError(f"no weights for {number}")


def threads_told(_: int) -> dict[str, str | None]:
    """What this process lets its libraries use."""
    from mel_debug.jobs.threads import LIMITS

    return {name: os.environ.get(name) for name in LIMITS}


def threads_used(_: int) -> tuple[int, int, int]:
    """The process, and what torch and OpenCV make of the limits."""
    import cv2
    import torch

    return os.getpid(), torch.get_num_threads(), cv2.getNumThreads()


def process_number(_: int) -> int:
    time.sleep(0.02)
    return os.getpid()


def sleep_long(number: int) -> int:
    time.sleep(60)
    return number


def hungry(number: int) -> int:
    """Asks for more memory than there is."""
    if number == 3:
        bytearray(2**62)
    return number


def note_and_fail(folder: Path) -> None:
    """Leave the number of this process in a folder, then raise an error."""
    (folder / str(os.getpid())).touch()
    raise MelError("the first call raises this again")
