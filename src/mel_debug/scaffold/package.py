"""Writing the package: every file new, or none."""

from collections.abc import Iterator
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from mel_debug.core.errors import MelError, UsageError, shortened
from mel_debug.scaffold.names import Names, names_for
from mel_debug.version import __version__

SUFFIX = ".tmpl"
"""Of every file of the template, so that no tool takes it for a file of this project."""

ALLOWED = {".git"}
"""What the folder of a new package may hold already."""


def write_plugin(name: str, folder: Path | None = None) -> tuple[Path, list[Path]]:
    """Write a package called `name` into `folder`, by default one of that name; return its files.

    The folder is made if it is absent; it must be empty, except for `.git`. Nothing is overwritten,
    and nothing remains of a package that cannot be written whole. Raises UsageError for a name that
    does not work or a folder with other files, and MelError if the folder cannot be written.
    """
    names = names_for(name)
    folder = Path(name) if folder is None else folder
    _check_empty(folder)
    made: list[Path] = []
    try:
        for path, text in contents(names):
            _make_folders((folder / path).parent, made)
            made.append(folder / path)
            with (folder / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except BaseException as error:
        _remove(made[:-1] if isinstance(error, FileExistsError) else made)
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise MelError(
                f"{folder} cannot be written ({reason}); choose another folder"
            ) from error
        raise
    return folder, [path for path in made if path.is_file()]


def contents(names: Names) -> Iterator[tuple[PurePosixPath, str]]:
    """The files of the package, by path inside it."""
    values = {
        "distribution": names.distribution,
        "module": names.module,
        "plugin": names.plugin,
        "mel_debug_version": __version__,
    }
    for path, template in _templates(files(__package__) / "template", PurePosixPath()):
        parts = [names.module if part == "module" else part for part in path.parts]
        yield PurePosixPath(*parts), Template(template).substitute(values)


def _templates(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, str]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _templates(item, path / item.name)
        elif item.name.endswith(SUFFIX):
            yield path / item.name.removesuffix(SUFFIX), item.read_text(encoding="utf-8")


def _check_empty(folder: Path) -> None:
    try:
        there = sorted(item.name for item in folder.iterdir() if item.name not in ALLOWED)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be used ({error.strerror or error}); choose another folder"
        ) from error
    if there:
        raise UsageError(
            f"{folder} is not empty: it has {shortened(there, 3)}; choose another folder"
        )


def _make_folders(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; adds each new one to `made`."""
    if not folder.is_dir():
        _make_folders(folder.parent, made)
        folder.mkdir()
        made.append(folder)


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
