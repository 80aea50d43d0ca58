"""The examples of README.md and docs/: Python, files to write, and commands with their output.

    ```python         runs, in one namespace a page; as doctest if it begins with >>>
    ```console        each line after `$ ` runs in a shell; the lines below are its output
    ```{code-block}   with a caption that is a path: written to that file
    ```text, ```sh    only shown

In expected output `...` stands for any text, and numbers may differ a little: they depend on the
processor and on the releases of libraries.
"""

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sybil import Document, Example, Region
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from sybil.parsers.myst.lexers import DirectiveLexer
from sybil.typing import Parser

NUMBER = re.compile(r"\d+(?:\.\d+)?")
RELATIVE = 0.1
WHOLE, FRACTION = 3.0, 0.1
"""By how much a printed number may differ: as a share of the larger one, or in its own unit; whole
numbers are mostly pixels, and those with a point mostly probabilities."""

PROMPT = "$ "
DOCTEST_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Ran:
    """What a command printed on standard output, and its exit code.

    Of a failed command, `printed` has its standard error as well.
    """

    printed: str
    code: int = 0


@dataclass(frozen=True)
class Shell:
    """Runs commands in a folder; `known` holds what commands did that ran there before."""

    folder: Path
    environment: dict[str, str]
    known: dict[str, Ran] = field(default_factory=dict)

    def run(self, command: str) -> Ran:
        if command in self.known:
            return self.known[command]
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        shown = done.stdout if done.returncode == 0 else f"{done.stdout}{done.stderr}"
        return Ran(shown, done.returncode)


def commands_of(block: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines that it should print."""
    command, expected = "", list[str]()
    for line in block.splitlines():
        if command.endswith("\\"):
            command = f"{command[:-1].rstrip()} {line.strip()}"
        elif line.startswith(PROMPT):
            if command:
                yield command, expected
            command, expected = line.removeprefix(PROMPT), []
        else:
            expected.append(line)
    if command:
        yield command, expected


def agrees(expected: str, printed: str) -> bool:
    """Whether a text is as expected: all its words, and its numbers nearly."""
    pieces = [NUMBER.sub("\0", piece) for piece in _squeezed(expected).split("...")]
    pattern = ".*?".join(
        re.escape(piece).replace(re.escape("\0"), f"({NUMBER.pattern})") for piece in pieces
    )
    found = re.fullmatch(pattern, _squeezed(printed), re.DOTALL)
    return found is not None and all(
        _near(wanted, got)
        for wanted, got in zip(NUMBER.findall(expected), found.groups(), strict=True)
    )


def _near(wanted: str, got: str) -> bool:
    absolute = FRACTION if "." in wanted else WHOLE
    larger = max(float(wanted), float(got))
    return abs(float(wanted) - float(got)) <= max(absolute, RELATIVE * larger)


def _squeezed(text: str) -> str:
    """The text without empty lines, and with one space where it has several."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def console_evaluator(shell: Shell) -> Parser:
    """A parser of console blocks that runs them in the shell."""

    def evaluate(example: Example) -> str | None:
        for command, lines in commands_of(example.parsed):
            ran, expected = shell.run(command), "\n".join(lines)
            if expected.strip() and not agrees(expected, ran.printed):
                return f"`{command}` should print\n{expected}\nbut printed\n{ran.printed}"
            if ran.code != 0 and not any(line.startswith("Error:") for line in lines):
                return f"`{command}` ended with exit code {ran.code}: {ran.printed}"
        return None

    return CodeBlockParser("console", evaluate)


def file_writer(folder: Path) -> Parser:
    """A parser of code blocks whose caption is a path: they are written to that file."""
    lexer = DirectiveLexer("code-block", arguments=".+")

    def evaluate(example: Example) -> None:
        path = folder / str(example.region.lexemes["options"]["caption"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(example.parsed, encoding="utf-8")

    def parse(document: Document) -> Iterable[Region]:
        for region in lexer(document):
            if "caption" in region.lexemes["options"]:
                region.parsed, region.evaluator = region.lexemes["source"], evaluate
                yield region

    return parse


def examples_of(page: Path, shell: Shell) -> Document:
    """A page with its examples, ready to be evaluated in their order."""
    return Document.parse(
        str(page),
        PythonCodeBlockParser(doctest_optionflags=DOCTEST_FLAGS),
        console_evaluator(shell),
        file_writer(shell.folder),
    )


def shell_environment(folder: Path) -> dict[str, str]:
    """The environment of the tests; `python -m pip install` goes to a folder of the page's own."""
    site = folder / "site"
    paths = filter(None, [str(site), os.environ.get("PYTHONPATH")])
    scripts = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "COLUMNS": "100",
        "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
        "PYTHONPATH": os.pathsep.join(paths),
        "PIP_TARGET": str(site),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as the value of --build-isolation
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
