"""Marks of tests that need an extra of the package; none of them imports it."""

from importlib.util import find_spec

import pytest

needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None, reason="the extra openvino is not installed"
)
