"""Laws: what a stage must keep, how a broken one is reported, and those common to all stages."""

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mel_debug.core.errors import UsageError
from mel_debug.core.stages import StageSpec


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
def naming(kind: str, name: str) -> Iterator[None]:
    """Put the kind and the name of the stage in front of the message of a ContractError."""
    try:
        yield
    except ContractError as error:
        raise ContractError(f"{kind} {name!r} {error}") from error.__cause__


SUMMARY = Law("its summary is one line", "say in a few words what the stage does")
OPTION_NAMES = Law("its options have names of their own", "rename one of them")
OPTION_DEFAULTS = Law(
    "an option's default is a value that `-o` would take",
    "mend the default, or its choices or minimum",
)
METHODS = Law(
    "`build` returns a stage of its kind", "return an object with the properties and methods of it"
)
OFFLINE = Law(
    "uses no network when `offline` is set",
    "pass options.offline on, and raise WeightsError if something has to be downloaded",
)


def require_declaration(spec: StageSpec[object]) -> None:
    """What can be checked of a spec without building it. Raises ContractError."""
    SUMMARY.require(
        bool(spec.summary.strip()) and len(spec.summary.splitlines()) == 1,
        f"it is {spec.summary!r}",
    )
    names = [option.name for option in spec.options]
    OPTION_NAMES.require(len(set(names)) == len(names), f"they are {', '.join(names)}")
    for option in spec.options:
        try:
            option.parse(str(option.default))
        except UsageError as error:
            raise OPTION_DEFAULTS.broken(str(error)) from error


def require_stage(kind: str, protocol: type, stage: object) -> None:
    """Require each property and method of the stage's protocol. Raises ContractError.

    The message names what is missing, with its signature.
    """
    members = {name: each for name, each in vars(protocol).items() if not name.startswith("_")}
    for name, member in members.items():
        expected = _signature(name, member)
        made = f"{kind} must have {expected}, and {type(stage).__name__}"
        METHODS.require(hasattr(stage, name), f"a {made} has no {name}")
        if isinstance(member, property):
            continue
        method = getattr(stage, name)
        METHODS.require(callable(method), f"a {made} has a {name} that cannot be called")
        METHODS.require(
            _takes(method, len(inspect.signature(member).parameters) - 1),
            f"a {made} has {name}{_parameters(method)}",
        )


def _signature(name: str, member: object) -> str:
    """How a protocol declares a member, such as `patch: int` or `extract(images: ...) -> ...`."""
    if isinstance(member, property):
        returned = inspect.signature(member.fget).return_annotation if member.fget else object
        kind = returned if isinstance(returned, str) else returned.__name__
        return f"{name}: {kind}"
    assert callable(member)  # noqa: S101 - a protocol has properties and methods only
    signature = inspect.signature(member)
    _, *parameters = signature.parameters.values()
    return f"{name}{_plain(signature.replace(parameters=parameters))}"


def _takes(method: object, arguments: int) -> bool:
    """Whether a method can be called with so many positional arguments, as far as it shows."""
    assert callable(method)  # noqa: S101 - checked before
    try:
        inspect.signature(method).bind(*range(arguments))
    except TypeError:
        return False
    except ValueError:  # written in C: it shows no signature
        return True
    return True


def _parameters(method: object) -> str:
    assert callable(method)  # noqa: S101 - checked before
    return _plain(inspect.signature(method))


def _plain(signature: inspect.Signature) -> str:
    """A signature without quotes and modules."""
    return re.sub(r"\b(?:[A-Za-z_]\w*\.)+", "", str(signature).replace("'", ""))
