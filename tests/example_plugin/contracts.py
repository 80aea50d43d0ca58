"""Acme's own tests, with the checks that mel-debug offers. Run them with `pytest contracts.py`."""

from mel_debug_acme import plugin

from mel_debug.core.stages import BuildOptions
from mel_debug.testing import check_extractor, check_matcher, check_renderer


def test_the_extractor_keeps_the_laws() -> None:
    """With its default gamma, and another."""
    for offer in plugin.mel_extractors():
        check_extractor(offer)
        check_extractor(offer, BuildOptions(values={"gamma": 0.5}))


def test_the_matcher_keeps_the_laws() -> None:
    """Balanced, and not."""
    for offer in plugin.mel_matchers():
        check_matcher(offer)
        check_matcher(offer, BuildOptions(values={"balance": False}))


def test_the_renderer_keeps_the_laws() -> None:
    """Also at the corners of the photo, where half of the light falls outside."""
    for offer in plugin.mel_renderers():
        check_renderer(offer)
