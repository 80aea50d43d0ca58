"""The checks that stages of every kind have to pass."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from mel_debug.core.errors import MelError
from mel_debug.testing.checks import Rule, Subject
from mel_debug.testing.laws import OFFLINE, require_declaration, require_stage
from mel_debug.testing.network import network_refused

Stage = TypeVar("Stage")


def common_rules(use: Callable[[Stage], object]) -> list[Rule[Stage]]:
    """The first rules of a kind of stage; `use` calls a stage once."""
    return [
        Rule(
            "declaration",
            "The summary is one line; options have different names and valid defaults.",
            lambda subject: require_declaration(subject.spec),
        ),
        Rule(
            "stage",
            "`StageSpec.create` with default options returns an object with all methods.",
            _check_stage,
        ),
        Rule(
            "offline",
            "With `offline` set, building and using the stage opens no network connection.",
            lambda subject: _check_offline(subject, use),
        ),
    ]


def _check_stage(subject: Subject[Stage]) -> None:
    require_stage(subject.kind, subject.protocol, subject.stage)


def _check_offline(subject: Subject[Stage], use: Callable[[Stage], object]) -> None:
    """A MelError is a good answer: weights may be missing, but must not be fetched.

    What else goes wrong in use is found by the other checks.
    """
    with network_refused() as uses:
        try:
            stage = subject.spec.create(replace(subject.options, offline=True))
            with suppress(Exception):
                use(stage)
        except Exception as error:
            if uses:
                raise OFFLINE.broken(f"it called {uses[0]}") from error
            if not isinstance(error, MelError):
                raise
    OFFLINE.require(not uses, f"it called {', '.join(uses[:1])}")
