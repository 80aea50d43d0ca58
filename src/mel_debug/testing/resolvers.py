"""The laws of a resolver of extractors by name."""

from collections.abc import Callable, Sequence

from mel_debug.core.errors import UsageError
from mel_debug.core.resolver import MARK, ExtractorResolver
from mel_debug.core.stages import FeatureExtractor, StageSpec
from mel_debug.testing.checks import ConformanceCheck
from mel_debug.testing.laws import Law, naming, require_declaration
from mel_debug.testing.network import network_refused

UNKNOWN = "no-such-name.at-all"
"""A name that no resolver should know."""

SUMMARY = Law("its summary is one line", "say in a few words what the names are")
EXAMPLES = Law(
    "it offers names, and resolves each of them",
    "list names in `offered`: completion and `mel-debug plugins` show them",
)
OWN_NAME = Law(
    "the name of a spec begins with the prefix, and resolves to the same extractor",
    f"name it PREFIX{MARK}NAME, with the full name if there are several spellings",
)
UNKNOWN_NAME = Law(
    "an unknown name resolves to None, or is a UsageError",
    "return None: the error then lists names that are spelled alike",
)
OFFLINE = Law("resolving uses no network", "look names up in what is installed")


def resolver_checks(resolver: ExtractorResolver) -> list[ConformanceCheck]:
    """The conformance checks of a resolver.

    Those of its extractors are `extractor_checks(resolver.resolve(NAME))`.
    """
    rules: Sequence[tuple[str, str, Callable[[ExtractorResolver], None]]] = (
        ("summary", "The summary is one line.", _check_summary),
        ("examples", "It offers names, and resolves each of them to a good spec.", _check_examples),
        ("own-name", "The name of a spec resolves to the same extractor.", _check_own_name),
        ("unknown-name", "An unknown name is None or a UsageError.", _check_unknown),
        ("offline", "Resolving opens no network connection.", _check_offline),
    )

    def run(require: Callable[[ExtractorResolver], None]) -> Callable[[], None]:
        def check() -> None:
            with naming("resolver", resolver.prefix):
                require(resolver)

        return check

    return [
        ConformanceCheck(name, sentence, "resolver", resolver.prefix, run(require))
        for name, sentence, require in rules
    ]


def _check_summary(resolver: ExtractorResolver) -> None:
    lines = resolver.summary.strip().splitlines()
    SUMMARY.require(len(lines) == 1, f"it is {resolver.summary!r}")


def _check_examples(resolver: ExtractorResolver) -> None:
    EXAMPLES.require(bool(resolver.offered), "it offers none")
    for name in resolver.offered:
        require_declaration(_resolved(resolver, name))


def _check_own_name(resolver: ExtractorResolver) -> None:
    start = f"{resolver.prefix}{MARK}"
    for name in resolver.offered:
        spec = _resolved(resolver, name)
        OWN_NAME.require(spec.name.startswith(start), f"{name} gave {spec.name!r}")
        again = _resolved(resolver, spec.name.removeprefix(start))
        OWN_NAME.require(again.name == spec.name, f"{spec.name} gave {again.name!r}")


def _check_unknown(resolver: ExtractorResolver) -> None:
    with UNKNOWN_NAME.covers(f"with the name {UNKNOWN!r}"):
        try:
            found = resolver.resolve(UNKNOWN)
        except UsageError:
            return
    UNKNOWN_NAME.require(found is None, f"{UNKNOWN!r} gave {found!r}")


def _check_offline(resolver: ExtractorResolver) -> None:
    with network_refused() as uses:
        for name in resolver.offered[:1]:
            _resolved(resolver, name)
    OFFLINE.require(not uses, f"it called {', '.join(uses[:1])}")


def _resolved(resolver: ExtractorResolver, name: str) -> StageSpec[FeatureExtractor]:
    with EXAMPLES.covers(f"with the name {name!r}"):
        spec = resolver.resolve(name)
    if not isinstance(spec, StageSpec):
        raise EXAMPLES.broken(f"{name!r} gave {spec!r}, not a StageSpec")
    return spec
