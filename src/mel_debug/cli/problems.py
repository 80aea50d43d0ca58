"""Collecting errors of single photos, so that a command can go on with the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mel_debug.console.terminal import echo_line
from mel_debug.core.errors import MelError, text_of


@dataclass(slots=True)
class Problems:
    """The errors of photos by name. If the `total` number of photos is 1, its error is raised."""

    total: int
    found: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def of(self, photo: Path) -> Iterator[None]:
        """Collect an error of the block as a problem of this photo."""
        try:
            yield
        except Exception as error:
            if self.total == 1:
                raise
            self.add(str(photo), text_of(error))

    def add(self, name: str, reason: str) -> None:
        """Print a problem on standard error, unless the same line was printed before."""
        line = reason if name in reason else f"{name}: {reason}"
        if line not in self.found.values():
            echo_line(line, err=True)
        self.found[name] = line

    def finish(self) -> None:
        """Raise MelError with the number of photos that had problems, if there were any."""
        if self.found:
            raise MelError(
                f"{len(self.found)} of {self.total} photos could not be used; all others are done"
            )
