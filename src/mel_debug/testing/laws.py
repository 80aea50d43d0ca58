"""Laws: what a stage must keep, how a broken one is told, and those that all offers share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from mel_debug.core.errors import UsageError
from mel_debug.core.stages import BuildOptions, StageSpec

Stage = TypeVar("Stage")


class ContractError(AssertionError):
    """A stage broke a law; the message names the stage, the law, what was seen, what to try."""


@dataclass(frozen=True, slots=True)
class Law:
    """A sentence that is true of every good stage, and what to try where it is not."""

    text: str
    advice: str

    def broken(self, seen: str) -> ContractError:
        return ContractError(f'broke the law "{self.text}": {seen}; {self.advice}')

    def require(self, holds: bool, seen: str) -> None:
        """Raise ContractError unless the law holds; `seen` says what happened instead."""
        if not holds:
            raise self.broken(seen)

    @contextmanager
    def covers(self, case: str) -> Iterator[None]:
        """The law promises that `case` works: an error from within breaks it."""
        try:
            yield
        except ContractError:
            raise
        except Exception as error:
            raise self.broken(f"{case}: it raised {type(error).__name__}: {error}") from error


@contextmanager
def naming(stage: str, offer: StageSpec[object]) -> Iterator[None]:
    """Put the name of the offer in front of what its checks have to say."""
    try:
        yield
    except ContractError as error:
        raise ContractError(f"{stage} {offer.name!r} {error}") from error.__cause__


SUMMARY = Law("its summary is one line", "say in a few words what the stage does")
OPTION_NAMES = Law("its options have names of their own", "rename one of them")
OPTION_DEFAULTS = Law(
    "an option's default is a value that `-o` would take",
    "mend the default, or its choices or minimum",
)


def built(offer: StageSpec[Stage], options: BuildOptions | None) -> Stage:
    """Check what all offers promise, then build; options that aren't given have their defaults."""
    SUMMARY.require(
        bool(offer.summary.strip()) and len(offer.summary.splitlines()) == 1,
        f"it is {offer.summary!r}",
    )
    names = [option.name for option in offer.options]
    OPTION_NAMES.require(len(set(names)) == len(names), f"they are {', '.join(names)}")
    for option in offer.options:
        try:
            option.parse(str(option.default))
        except UsageError as error:
            raise OPTION_DEFAULTS.broken(str(error)) from error
    given = options or BuildOptions()
    return offer.build(replace(given, values={**offer.values({}), **given.values}))
