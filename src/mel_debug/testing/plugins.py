"""All checks of everything that a plugin provides."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mel_debug.core.stages import FeatureExtractor
from mel_debug.testing.checks import ConformanceCheck, with_expected_failures
from mel_debug.testing.extractors import extractor_checks
from mel_debug.testing.matchers import matcher_checks
from mel_debug.testing.renderers import renderer_checks
from mel_debug.testing.resolvers import resolver_checks


def plugin_checks(
    plugin: Any,
    *,
    extractor: FeatureExtractor | None = None,
    expected_failures: Mapping[str, str] = MappingProxyType({}),
) -> list[ConformanceCheck]:
    """The conformance checks of each stage of a plugin, with default options, and of resolvers.

    `plugin` is the module with the hooks. `extractor` makes features for the matchers; see
    `matcher_checks`. A key of `expected_failures` is the name of a check, or `STAGE-NAME` for that
    of a single stage; the value is the reason. Raises ValueError for a key that names no check.
    """
    hooks = ("mel_extractors", "mel_matchers", "mel_renderers")
    extractors, matchers, renderers = (list(getattr(plugin, hook, list)()) for hook in hooks)
    checks = [check for spec in extractors for check in extractor_checks(spec)]
    checks += [check for spec in matchers for check in matcher_checks(spec, extractor=extractor)]
    checks += [check for spec in renderers for check in renderer_checks(spec)]
    resolvers = list(getattr(plugin, "mel_extractor_resolvers", list)())
    checks += [check for resolver in resolvers for check in resolver_checks(resolver)]
    return with_expected_failures(checks, expected_failures)
