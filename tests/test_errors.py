"""Laws of errors and warnings that every part shares."""

import errno
import threading
import warnings

import cv2
import numpy as np
import pytest

from mel_debug.core.errors import is_out_of_memory, recorded_warnings, warn


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to ..."),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("Exception from src/core.cpp: std::bad_alloc"),
    ],
)
def test_native_libraries_run_out_of_memory_in_their_own_words(error: Exception) -> None:
    """All end in the same line."""
    assert is_out_of_memory(error)


def test_numpy_and_opencv_run_out_of_memory_as_expected() -> None:
    """Their real errors, for arrays that no machine holds."""
    with pytest.raises(MemoryError) as of_numpy:
        np.empty(2**52)
    assert is_out_of_memory(of_numpy.value)
    with pytest.raises(cv2.error) as of_opencv:
        cv2.copyMakeBorder(np.zeros((1, 1), np.uint8), 0, 2**31 - 8, 0, 2**30, cv2.BORDER_CONSTANT)
    assert is_out_of_memory(of_opencv.value) == ("memory" in str(of_opencv.value).lower())


@pytest.mark.parametrize("error", [RuntimeError("no such layer"), ValueError("out of memory")])
def test_other_errors_are_no_lack_of_memory(error: Exception) -> None:
    """A text alone does not make one."""
    assert not is_out_of_memory(error)


def test_warnings_of_all_threads_are_recorded_and_others_shown() -> None:
    """Photos are decoded in threads."""
    with warnings.catch_warnings(record=True) as shown, recorded_warnings() as texts:
        warnings.simplefilter("always")
        thread = threading.Thread(target=warn, args=("from a thread",))
        thread.start()
        thread.join()
        warn("twice")
        warn("twice")
        warnings.warn("another", UserWarning, stacklevel=1)
    assert [str(each.message) for each in shown] == ["another"]
    assert texts == ["from a thread", "twice", "twice"]


def test_no_filter_of_another_thread_hides_a_warning() -> None:
    """While a library is imported elsewhere, it may ignore all warnings of the process."""
    with recorded_warnings() as texts, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warn("the last rows are missing")
    assert texts == ["the last rows are missing"]
