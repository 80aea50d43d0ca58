"""The origin of a stage: building it, and errors that name it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from mel_debug.core.errors import TRACEBACK, MelError, PluginError, is_out_of_memory, kind_and_text
from mel_debug.core.stages import BuildOptions

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of a stage, for messages: `stage` is extractor, matcher or renderer."""

    plugin: str
    stage: str
    name: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r}, {self.stage} {self.name!r}"

    def broken(
        self, got: str, expected: str, advice: str = "report it to its author"
    ) -> PluginError:
        """The error for a stage that returned something unexpected."""
        return PluginError(f"{self}: got {got}, expected {expected}; {advice}")

    @contextmanager
    def called(self) -> Iterator[None]:
        """Context of a call of the stage: turns all errors but MelError into PluginError."""
        try:
            yield
        except (MelError, KeyboardInterrupt):
            raise
        except BaseException as error:
            if is_out_of_memory(error):
                raise MemoryError(kind_and_text(error)) from error
            raise PluginError(
                f"{self} failed with {kind_and_text(error)} (set {TRACEBACK}=1 to see where)"
            ) from error


@dataclass(frozen=True, slots=True)
class CheckedBuild(Generic[T]):
    """Builds a stage and wraps it; a dataclass, so that specs compare by value."""

    source: Source
    build: Callable[[BuildOptions], T]
    wrap: Callable[[T, Source], T]

    def __call__(self, options: BuildOptions) -> T:
        """Build and wrap the stage. Raises MelError, and PluginError for any other error."""
        with self.source.called():
            built = self.build(options)
        return self.wrap(built, self.source)


def require_method(stage: object, name: str, source: Source) -> None:
    """Raise PluginError unless the stage is an object, not a class, with a method of this name."""
    if isinstance(stage, type):
        raise source.broken(f"the class {stage.__name__}", "an object of it")
    if not callable(getattr(stage, name, None)):
        raise source.broken(shown(stage), f"an object with a method {name}")


def shown(value: object) -> str:
    """A short description of any value."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None and len(shape):
        sides = " x ".join(map(str, shape))
        kind = "numpy array" if type(value).__module__ == "numpy" else type(value).__name__
        return f"a {kind} of {dtype}, {sides}"
    if value is None or isinstance(value, bool | int | float | str | complex):
        return repr(value)[:60]
    if isinstance(value, tuple) and len(value) < 5:
        return f"({', '.join(map(shown, value))})"
    return f"an object of type {type(value).__name__}"
