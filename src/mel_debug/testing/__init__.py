"""Conformance checks and sample data for a plugin's own tests; needs no test framework.

`plugin_checks` lists the checks of all stages of a plugin, and `extractor_checks`, `matcher_checks`
and `renderer_checks` those of one stage, and `resolver_checks` those of a resolver. Each check has
a name, and raises ContractError with the law that is broken and what to try. With pytest:

>>> import pytest
>>> from mel_debug.testing import plugin_checks
>>> from mel_debug.builtin import plugin
>>> @pytest.mark.parametrize("check", plugin_checks(plugin), ids=str)
... def test_conformance(check):
...     check()

A check that is known to fail is declared with its reason, `expected_failures={"batch": "..."}`; it
is an error once it passes. `check_extractor`, `check_matcher` and `check_renderer` run all checks
of a stage in one call. What `build` raises is passed on: missing weights break no law.
"""

from mel_debug.testing.checks import ConformanceCheck
from mel_debug.testing.extractors import check_extractor, extractor_checks
from mel_debug.testing.laws import ContractError
from mel_debug.testing.matchers import check_matcher, matcher_checks
from mel_debug.testing.plugins import plugin_checks
from mel_debug.testing.renderers import check_renderer, renderer_checks
from mel_debug.testing.resolvers import resolver_checks
from mel_debug.testing.samples import (
    SampleExtractor,
    sample_features,
    sample_match,
    sample_photo,
    sample_query,
)

__all__ = [
    "ConformanceCheck",
    "ContractError",
    "SampleExtractor",
    "check_extractor",
    "check_matcher",
    "check_renderer",
    "extractor_checks",
    "matcher_checks",
    "plugin_checks",
    "renderer_checks",
    "resolver_checks",
    "sample_features",
    "sample_match",
    "sample_photo",
    "sample_query",
]
