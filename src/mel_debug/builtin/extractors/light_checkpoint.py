"""Reading the tensors of a checkpoint as numpy arrays, without torch, whose import takes seconds.

torch 1.6 and newer write a ZIP archive: a pickle that lists the tensors, and one file of raw
numbers for each storage. The unpickler here resolves four names to functions of this module and
refuses all others, so that no code of a file can run.
"""

import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.extractors.weight_files import is_safetensors

Arrays = dict[str, NDArray[Any]]


def read_arrays(path: Path) -> Arrays | None:
    """The named arrays of a plain state dict; None for a file that torch has to read.

    Raises OSError if the file can't be read.
    """
    try:
        if is_safetensors(path):
            from safetensors.numpy import load_file

            return dict(load_file(path))
        with zipfile.ZipFile(path) as archive:
            return _of_archive(archive)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - whatever is unusual or damaged is left to torch
        return None


def _of_archive(archive: zipfile.ZipFile) -> Arrays | None:
    (listing,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
    with archive.open(listing) as file:
        found = _Unpickler(file, archive, listing.removesuffix("data.pkl")).load()
    plain = isinstance(found, dict) and all(isinstance(one, np.ndarray) for one in found.values())
    return dict(found) if plain else None


class _Unpickler(pickle.Unpickler):
    """Reads the list of tensors of an archive; `folder` is the archive's folder with all files."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        known = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": _tensor,
            "torch.FloatStorage": "<f4",
            "torch.LongStorage": "<i8",
        }
        if f"{module}.{name}" not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not loaded")
        return known[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        _, kind, key, _, count = pid
        return np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), kind, count)


def _tensor(storage: NDArray[Any], offset: int, shape: Any, stride: Any, *_: object) -> Any:
    """A tensor of a storage. Raises ValueError unless its numbers are contiguous."""
    array = storage[offset : offset + int(np.prod(shape))].reshape(shape)
    expected = tuple(step // array.itemsize for step in array.strides)
    if any(size > 1 and a != b for size, a, b in zip(shape, stride, expected, strict=True)):
        raise ValueError("not contiguous")
    return array
