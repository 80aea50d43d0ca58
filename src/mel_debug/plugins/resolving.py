"""Extractors by name: those that resolvers find, and names that carry options."""

import difflib
import functools

from mel_debug.core.errors import MelError, PluginError, UsageError, is_out_of_memory, kind_and_text
from mel_debug.core.resolver import MARK, ExtractorResolver
from mel_debug.core.stages import FeatureExtractor, StageSpec

SIMILAR = 5
"""How many names that are spelled like a wrong one an error lists."""


@functools.lru_cache(maxsize=256)
def resolved(resolver: ExtractorResolver, plugin: str, name: str) -> StageSpec[FeatureExtractor]:
    """The spec that a resolver of a plugin finds for a name without its prefix.

    Raises UsageError, with similar names, if there is none, and PluginError for any error of the
    resolver but a MelError, or a spec with another prefix.
    """
    try:
        spec = resolver.resolve(name)
        if spec is None:
            raise _no_such_name(resolver, name)
    except MelError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise PluginError(
            f"plugin {plugin!r} failed to resolve {resolver.prefix}{MARK}{name}: "
            f"{kind_and_text(error)}"
        ) from error
    start = f"{resolver.prefix}{MARK}"
    if not isinstance(spec, StageSpec) or not spec.name.startswith(start):
        raise PluginError(
            f"plugin {plugin!r} resolved {start}{name} to {spec!r}, expected a StageSpec whose "
            f"name starts with {start}; report it to its author"
        )
    return spec


def _no_such_name(resolver: ExtractorResolver, name: str) -> UsageError:
    names = [*resolver.offered, *resolver.names()]
    near = list(dict.fromkeys(difflib.get_close_matches(name, names, SIMILAR, 0.5)))
    tried = ", ".join(f"{resolver.prefix}{MARK}{one}" for one in near or names[:SIMILAR])
    hint = f"; try one of: {tried}" if tried else ""
    return UsageError(f"no extractor named {f'{resolver.prefix}{MARK}{name}'!r}{hint}")


def split_options(text: str) -> tuple[str, dict[str, str]]:
    """The name and the options of a text such as `timm:NAME[layer=-1,-3,norm=no]`.

    A value contains commas if the part after a comma has no equals sign. Raises UsageError for
    brackets without options.
    """
    name, bracket, rest = text.partition("[")
    if not bracket:
        return text, {}
    options: dict[str, str] = {}
    last = ""
    for part in rest.removesuffix("]").split(",") if rest.endswith("]") else [""]:
        option, equals, value = part.partition("=")
        if equals and option.strip():
            last = option.strip()
            if last in options:
                raise UsageError(f"option {last!r} is twice in {text!r}; give it once")
            options[last] = value.strip()
        elif last:
            options[last] += f",{part.strip()}"
        else:
            raise UsageError(
                f"{text!r} has no options in its brackets; write them as in {name}[layer=-3]"
            )
    return name, options
