"""The directive `{rooms}`: a table of the rooms of the package, from its import contract.

Rooms and floors come from the contract in pyproject.toml, and the sentence about each room is the
first line of its docstring, so the page cannot differ from the code.
"""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

PROJECT = Path(__file__).parents[2]
SOURCE = PROJECT / "src" / "mel_debug"
CONTRACT = "Imports go down the house only"


class RoomTable(Directive):
    """One row a room, the highest floor first."""

    def run(self) -> list[nodes.Node]:
        rows = [f"| {floor} | `{name}` | {sentence} |" for floor, name, sentence in _rooms()]
        lines = ["| floor | room | what it does |", "| --- | --- | --- |", *rows]
        parent = nodes.container()
        self.state.nested_parse(StringList(lines, source="rooms"), self.content_offset, parent)
        return parent.children


def _rooms() -> Iterator[tuple[int, str, str]]:
    layers = _layers()
    for floor, layer in zip(range(len(layers), 0, -1), layers, strict=True):
        for room in sorted(name.strip() for name in layer.split("|")):
            if room != "version":
                yield floor, *_named(room)


def _layers() -> list[str]:
    config = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    layers: list[str] = next(each["layers"] for each in contracts if each["name"] == CONTRACT)
    return layers


def _named(room: str) -> tuple[str, str]:
    """A room's name as on disk, and what its docstring says."""
    folder = SOURCE / room / "__init__.py"
    file = folder if folder.exists() else SOURCE / f"{room}.py"
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return f"{room}/" if file == folder else f"{room}.py", docstring.splitlines()[0]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("rooms", RoomTable)
    return {"version": "1", "parallel_read_safe": True}
