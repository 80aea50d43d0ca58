"""Contract checks and sample data for a plugin's own tests; needs no test framework.

A check takes an offer, builds it, and returns nothing, or raises ContractError with the law that
is broken and what to try:

>>> from mel_debug.testing import check_matcher
>>> for offer in mel_matchers():
...     check_matcher(offer)

What `build` raises is passed on: missing weights break no law.
"""

from mel_debug.testing.extractors import check_extractor
from mel_debug.testing.laws import ContractError
from mel_debug.testing.matchers import check_matcher
from mel_debug.testing.renderers import check_renderer
from mel_debug.testing.samples import (
    SampleExtractor,
    sample_features,
    sample_match,
    sample_photo,
    sample_query,
)

__all__ = [
    "ContractError",
    "SampleExtractor",
    "check_extractor",
    "check_matcher",
    "check_renderer",
    "sample_features",
    "sample_match",
    "sample_photo",
    "sample_query",
]
