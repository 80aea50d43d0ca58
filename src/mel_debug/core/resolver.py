"""Names with a prefix, such as `timm:NAME`, that a plugin resolves to extractors."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mel_debug.core.stages import FeatureExtractor, StageSpec

MARK = ":"
"""Separates the prefix from the name."""

_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _no_names() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class ExtractorResolver:
    """Extractors by name, under one prefix: too many to register each of them.

    `resolve` returns the spec of a name without the prefix, or None if there is no such extractor.
    The name of the spec is `PREFIX:NAME`; if a name has several spellings, `resolve` returns the
    same spec for all, and that of the spec's own name is the spec itself. It is called only for
    names with the prefix, so it may import what it needs.

    `offered` are the names that shell completion and `mel-debug plugins` show; the first one is the
    example, whose options are listed, and must resolve quickly. `names` returns all names, to find
    those that are spelled like a wrong one.
    """

    prefix: str
    summary: str
    resolve: Callable[[str], "StageSpec[FeatureExtractor] | None"]
    offered: tuple[str, ...] = ()
    names: Callable[[], Sequence[str]] = _no_names

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(
                f"a prefix is one word of letters, digits, _ and -, not {self.prefix!r}"
            )

    @property
    def examples(self) -> tuple[str, ...]:
        """The offered names with the prefix."""
        return tuple(f"{self.prefix}{MARK}{name}" for name in self.offered)


def split_prefix(name: str) -> tuple[str, str] | None:
    """The prefix and the rest of a name; None for a name without a prefix."""
    prefix, mark, rest = name.partition(MARK)
    return (prefix, rest) if mark and _PREFIX.fullmatch(prefix) else None
