"""Only regular files are opened."""

import os
import socket
from pathlib import Path

import pytest

from mel_debug.core.errors import UsageError
from mel_debug.files.digest import file_digest
from mel_debug.files.regular import check_regular, open_regular


def test_a_regular_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(b"content")
    link = tmp_path / "link"
    link.symlink_to(real)
    with open_regular(link) as file:
        assert file.read() == b"content"


def test_a_missing_file_passes_the_check_and_fails_to_open(tmp_path: Path) -> None:
    check_regular(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_a_socket_a_device_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    with listening:
        for path, kind in (
            (pipe, "a pipe"),
            (tmp_path / "socket", "a socket"),
            (Path("/dev/zero"), "a device"),
            (tmp_path, "a folder"),
        ):
            with pytest.raises(UsageError, match=f"is {kind}"):
                open_regular(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_has_no_digest(tmp_path: Path) -> None:
    """It is refused at once, where reading would wait for a writer."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="is a pipe"):
        file_digest(tmp_path / "pipe")
