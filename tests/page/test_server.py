"""Laws of the server as a process: its address, its ends, and what it leaves."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from browsers import served
from workbench import MOLE, mark, run, run_python, save, skin

pytestmark = pytest.mark.slow


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [save(skin(300, 200, seed=n), tmp_path / f"{n}.png") for n in range(2)]
    mark(paths[0], (MOLE, 150, 140))
    return paths


def get(port: int, path: str, host: str, address: str = "127.0.0.1") -> str:
    """The first line of the answer to a request as an attacker might write it."""
    with socket.create_connection((address, port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return connection.recv(100).decode().splitlines()[0]


def test_the_address_is_the_first_line_and_only_this_machine_is_answered(
    photos: list[Path],
) -> None:
    with served(*photos, "--extractor", "xfeat") as server:
        assert server.link.startswith(f"http://127.0.0.1:{server.port}/?token=")
        path = server.link.split(str(server.port), 1)[1]
        assert " 421 " in get(server.port, path, "evil.example")
        assert " 200 " in get(server.port, path, f"127.0.0.1:{server.port}")
        assert " 403 " in get(server.port, "/api/album", f"localhost:{server.port}")
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
        for address in others - {"127.0.0.1"}:
            with pytest.raises(OSError, match=r".*"):
                get(server.port, "/", "x", str(address))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_server_and_leaves_nothing(
    photos: list[Path], number: int, code: int
) -> None:
    before = sorted(photos[0].parent.iterdir())
    with served(*photos, "--extractor", "xfeat") as server:
        assert " 403 " in get(server.port, "/", f"127.0.0.1:{server.port}")
        ended, errors = server.stop(number)
    assert ended == code
    assert "Traceback" not in errors
    with pytest.raises(ConnectionRefusedError):
        get(server.port, "/", "x")
    assert sorted(photos[0].parent.iterdir()) == before


def test_a_port_in_use_is_an_error_of_one_line(photos: list[Path]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        outcome = run("explore", str(photos[0]), "--port", port, "--extractor", "xfeat")
    assert outcome.code == 2
    assert f"--port {port} can't be used" in outcome.error


def test_without_the_extra_the_command_says_so(photos: list[Path], tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['uvicorn'] = None; sys.modules['starlette'] = None;"
        "from mel_debug.cli.main import main; main()"
    )
    outcome = run_python("-c", script, "explore", str(photos[0]), "--extractor", "xfeat")
    assert outcome.code == 1
    assert "pip install 'mel-debug[page]'" in outcome.error
    assert tmp_path.exists()


def test_a_page_is_not_saved_over_what_is_not_a_page(photos: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "notes.html"
    other.write_text("my notes")
    outcome = run("explore", *map(str, photos), "--save", str(other), "--extractor", "xfeat")
    assert outcome.code == 2
    assert "mel-debug did not write it" in outcome.error
    assert other.read_text() == "my notes"


@pytest.mark.skipif(sys.platform == "win32", reason="a browser is a script here")
def test_the_browser_is_opened_with_the_link(photos: list[Path], tmp_path: Path) -> None:
    note, browser = tmp_path / "note", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {note}.part\nmv {note}.part {note}\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "mel_debug", "explore", str(photos[0]), "--extractor", "xfeat"]
    environment = {**os.environ, "BROWSER": f"{browser} %s"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        link = process.stdout.readline().strip()
        while "Ctrl-C" not in process.stderr.readline():
            pass
        process.terminate()
        process.communicate()
    assert note.read_text().strip() == link
