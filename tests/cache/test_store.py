"""Laws of the store: files are complete or absent, and the least recently used go first."""

import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mel_debug.cache.store import ABANDONED_SECONDS, MEASURED_SHARE, FileStore
from mel_debug.core.errors import MelError, MelWarning
from mel_debug.files.hidden_names import PART, hidden_name
from rivals import PLENTY, SIZE, prune_again_and_again, write_again_and_again


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def put(store: FileStore, number: int, size: int, *, age: float) -> None:
    """Store `size` bytes that were used `age` seconds ago."""
    store.write(key(number), bytes(size))
    path = store.path_of(key(number))
    if path.exists():
        when = time.time() - age
        os.utime(path, (when, when))


def stored(store: FileStore, numbers: range) -> set[int]:
    return {number for number in numbers if store.path_of(key(number)).exists()}


def test_what_was_written_is_read_and_nothing_else(tmp_path: Path) -> None:
    """Also by the store of another process."""
    FileStore(tmp_path / "new" / "folder", PLENTY).write(key(1), b"one")
    store = FileStore(tmp_path / "new" / "folder", PLENTY)
    assert store.read(key(1)) == b"one"
    assert store.read(key(2)) is None


def test_a_new_cache_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    """It contains previews of photos of a person's skin."""
    FileStore(tmp_path / "cache", PLENTY).write(key(1), b"one")
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
    most=st.integers(0, 200),
)
def test_pruning_removes_the_least_recently_used_and_no_more_than_necessary(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], order: object, most: int
) -> None:
    """The longest sequence of most recently used files that fits stays."""
    store = FileStore(tmp_path_factory.mktemp("store"), PLENTY)
    ages = list(range(1, len(sizes) + 1))
    order.shuffle(ages)  # type: ignore[attr-defined]
    for number, (size, age) in enumerate(zip(sizes, ages, strict=True)):
        put(store, number, size, age=age * 10)
    removed = store.prune(most)
    young_first = sorted(range(len(sizes)), key=ages.__getitem__)
    fitting = [
        number
        for place, number in enumerate(young_first)
        if sum(sizes[other] for other in young_first[: place + 1]) <= most
    ]
    assert stored(store, range(len(sizes))) == set(fitting)
    assert len(removed) + len(fitting) == len(sizes)


def test_reading_counts_as_use(tmp_path: Path) -> None:
    """The older of two files stays if it was read more recently."""
    store = FileStore(tmp_path, PLENTY)
    put(store, 1, 10, age=200)
    put(store, 2, 10, age=100)
    store.read(key(1))
    store.prune(10)
    assert stored(store, range(3)) == {1}


def test_a_full_cache_is_pruned_for_new_files(tmp_path: Path) -> None:
    """It never stays above its limit, and the newest file is present."""
    store = FileStore(tmp_path, 100)
    for number in range(20):
        put(store, number, 30, age=1000 - number)
        assert sum(entry.size for entry in store.entries()) <= 100
        assert number in stored(store, range(20))
    assert stored(store, range(20)) == {17, 18, 19}


def test_files_of_other_processes_count_from_the_start(tmp_path: Path) -> None:
    """A store opened on a full cache prunes it at the first write."""
    for number in range(3):
        put(FileStore(tmp_path, PLENTY), number, 30, age=100 - number)
    FileStore(tmp_path, 100).write(key(9), bytes(30))
    assert stored(FileStore(tmp_path, 100), range(10)) == {1, 2, 9}


@pytest.mark.slow
def test_many_processes_keep_the_limit_of_one_cache(tmp_path: Path) -> None:
    """Each measures the whole cache from time to time."""
    most, size, many = 1_000, 10, 4
    stores = [FileStore(tmp_path, most) for _ in range(many)]
    for number in range(300):
        stores[number % many].write(key(number), bytes(size))
        if number % 50 == 49:
            used = sum(entry.size for entry in stores[0].entries())
            assert used <= most + many * (MEASURED_SHARE * most + size)
    assert used > most / 2


def test_a_file_larger_than_the_cache_is_not_stored(tmp_path: Path) -> None:
    """And other files stay: one large photo must not empty the cache."""
    store = FileStore(tmp_path, 100)
    put(store, 1, 60, age=10)
    store.write(key(2), bytes(101))
    assert stored(store, range(3)) == {1}


def test_other_files_are_never_removed(tmp_path: Path) -> None:
    """The cache folder may contain other files."""
    store = FileStore(tmp_path, PLENTY)
    put(store, 1, 10, age=0)
    others = [
        tmp_path / "thesis.txt",
        tmp_path / "features" / "thesis.safetensors",
        store.path_of(key(1)).with_name("model.safetensors"),
        store.path_of(key(1)).with_suffix(".txt"),
    ]
    for path in others:
        path.write_text("mine")
    inside = store.path_of(key(1)).parent / f"{key(3)}.safetensors"
    inside.mkdir()
    assert len(store.prune(-1)) == 1
    assert all(path.read_text() == "mine" for path in others)
    assert inside.is_dir()


def test_files_of_killed_writers_are_removed_later(tmp_path: Path) -> None:
    """Not at once, as the writer may be slow."""
    store = FileStore(tmp_path, PLENTY)
    put(store, 1, 10, age=0)
    file = store.path_of(key(1))
    for begin in (hidden_name(file), f".{file.name}"):  # the names of now, and of earlier versions
        for name, age in (("old", ABANDONED_SECONDS + 60), ("new", 0.0)):
            path = file.with_name(f"{begin}.{name}{PART}")
            path.touch()
            os.utime(path, (time.time() - age, time.time() - age))
    store.prune(PLENTY)
    assert [path.name.split(".")[-2] for path in tmp_path.rglob("*.part")] == ["new", "new"]
    assert stored(store, range(3)) == {1}


def test_a_cache_that_cannot_be_written_causes_one_warning_and_no_error(tmp_path: Path) -> None:
    """But an error in `write`, which is for runs whose purpose is to fill the cache."""
    (tmp_path / "file").touch()
    store = FileStore(tmp_path / "file" / "cache", PLENTY)
    with pytest.warns(MelWarning, match="`cache=False`"):
        store.try_write(key(1), b"bytes")
    store.try_write(key(2), b"bytes")  # a second warning would be an error
    with pytest.raises(MelError, match="`cache_dir`"):
        store.write(key(1), b"bytes")


@pytest.mark.slow
@pytest.mark.parametrize("rival", [write_again_and_again, prune_again_and_again])
def test_two_processes_with_one_key_never_expose_a_partial_file(
    tmp_path: Path, rival: Callable[[Path, str, bytes], None]
) -> None:
    """A reader gets the bytes of one writer, of the other, or none."""
    spawn = multiprocessing.get_context("spawn")
    work = [(write_again_and_again, b"a"), (rival, b"b")]
    others = [spawn.Process(target=do, args=(tmp_path, key(1), letter)) for do, letter in work]
    for process in others:
        process.start()
    store = FileStore(tmp_path, PLENTY)
    while any(process.is_alive() for process in others):
        assert store.read(key(1)) in (None, b"a" * SIZE, b"b" * SIZE)
    for process in others:
        process.join()
        assert process.exitcode == 0
    assert store.read(key(1)) in (b"a" * SIZE, b"b" * SIZE)
