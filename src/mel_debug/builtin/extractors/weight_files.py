"""Recognising files that are not weights from their content, for helpful errors.

Neither runs code from a file nor imports torch.
"""

import zipfile
from pathlib import Path

from mel_debug.core.errors import WeightsError
from mel_debug.core.json_value import parsed

HEAD = 512
"""Bytes that are read to recognise the kind of a file."""

MAX_HEADER = 100_000_000
"""Bytes; safetensors itself refuses a longer header."""

PICKLE = b"\x80"
"""The first byte of a checkpoint of torch before version 1.6, which introduced ZIP archives."""

AGAIN = "download it again"

_BY_FIRST_BYTES = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; try: git lfs pull"),
    (b"<!doctype html", f"an HTML page, perhaps an error or log-in page; {AGAIN}, logged in"),
    (b"<html", f"an HTML page, perhaps an error or log-in page; {AGAIN}, logged in"),
    (b"<?xml", f"an XML file, perhaps an error message of a server; {AGAIN}"),
    (b"<", f"an XML or HTML file; {AGAIN}"),
    (b"{", "a JSON text, such as a model's config; give the file with the weights"),
    (b"\x1f\x8b", "compressed by gzip; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"rar!", "a RAR archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard; unpack it first"),
    (b"\x89hdf", "an HDF5 file, as Keras writes it; give a torch checkpoint"),
    (b"gguf", "a GGUF file, as llama.cpp reads it; give a torch checkpoint"),
    (b"\x93numpy", "a NumPy array; give a torch checkpoint"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89png", "a PNG picture"),
    (b"%pdf", "a PDF document"),
)


def is_safetensors(path: Path) -> bool:
    """Whether the content of a file begins like safetensors; its name is ignored."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < MAX_HEADER


def check_weights(path: Path) -> None:
    """Raise WeightsError for a file that cannot contain weights."""
    fault = weights_fault(path)
    if fault is not None:
        raise WeightsError(f"{path} is {fault}")


def weights_fault(path: Path) -> str | None:
    """What a file is instead of complete weights, with what to try; None if it may be weights.

    The text completes the sentence "FILE is ...".
    """
    if path.is_dir():
        return "a folder; give the file with the weights inside it"
    if path.exists() and not path.is_file():  # reading a pipe could block for ever
        return "a pipe or a device; give the file with the weights"
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        if is_safetensors(path):
            return _safetensors_fault(path, path.stat().st_size)
    except OSError as error:
        return f"not readable ({error.strerror})"
    if head.startswith(b"PK\x03\x04"):
        return _zip_fault(path)
    return None if head.startswith(PICKLE) else _kind(head)


def _kind(head: bytes) -> str:
    """The kind of a file with these first bytes, which is no checkpoint."""
    if not head:
        return f"empty; {AGAIN}"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for first, kind in _BY_FIRST_BYTES:
        if start.startswith(first):
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if b"\0" in head:
        return "neither a torch checkpoint nor a safetensors file, or it is damaged"
    return "a text file, not weights"


def _safetensors_fault(path: Path, size: int) -> str | None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length)
    try:
        entries = parsed(header)
        offsets = [each["data_offsets"][1] for name, each in entries.items() if name[:2] != "__"]
        whole = 8 + length + max(offsets, default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return f"cut short or damaged in its safetensors header; {AGAIN}"
    if size < whole:
        return f"cut short: {size:,} of {whole:,} bytes of safetensors; {AGAIN}"
    return None


def _zip_fault(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return f"a torch checkpoint that is cut short or damaged; {AGAIN}"
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return "a TorchScript program; give its weights: torch.save(model.state_dict(), PATH)"
    if any(name.endswith(".npy") for name in names):
        return "an archive of NumPy arrays; give a torch checkpoint"
    if not any(name.endswith("data.pkl") for name in names):
        return "a ZIP archive, not a torch checkpoint; unpack it first"
    return None
