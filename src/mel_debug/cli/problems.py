"""Photos that can't be used, among others that can: each is named, and the rest is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mel_debug.console.terminal import echo_line
from mel_debug.core.errors import MelError, text_of


@dataclass(slots=True)
class Problems:
    """What is wrong with which photos. Of a `total` of one, its error ends the run as it is."""

    total: int
    found: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def of(self, photo: Path) -> Iterator[None]:
        """Whatever goes wrong within is this photo's own."""
        try:
            yield
        except Exception as error:
            if self.total == 1:
                raise
            self.add(str(photo), text_of(error))

    def add(self, name: str, reason: str) -> None:
        """Name a photo, once for each reason, on standard error."""
        line = reason if name in reason else f"{name}: {reason}"
        if line not in self.found.values():
            echo_line(line, err=True)
        self.found[name] = line

    def finish(self) -> None:
        """Raise MelError, which counts the photos, if there were any."""
        if self.found:
            raise MelError(
                f"{len(self.found)} of {self.total} photos could not be used; all others are done"
            )
