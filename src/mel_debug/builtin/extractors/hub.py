"""Finding published weights without importing torch or waiting long for the network."""

import os
import threading
from pathlib import Path

from mel_debug.builtin.extractors.weight_files import check_weights
from mel_debug.core.errors import WeightsError
from mel_debug.core.stages import BuildOptions

HUB_FILE = "model.safetensors"
PROBE_SECONDS = 5.0
"""The time limit for a first answer of the hub; timm itself would retry for about 50 s."""


def find_weights(name: str, options: BuildOptions) -> Path | None:
    """The weights file for a timm model; None means that timm can download it.

    It is `options.weights`, else the file in Hugging Face's cache. Raises WeightsError, within
    seconds, for a file that cannot contain weights, or if there is none and the hub must not be
    used or does not answer.
    """
    if options.weights is not None:
        check_weights(options.weights)
    path = options.weights or cached_weights(name)
    if path is None:
        _check_hub(name, options.offline)
    return path


def cached_weights(name: str) -> Path | None:
    """The weights of a timm model in Hugging Face's cache, or None. Does not use the network."""
    # The layout is read directly, because importing the hub's function takes half a second.
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{_repository(name).replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    weights = folder / "snapshots" / revision / HUB_FILE
    return weights if os.path.isfile(weights) else None  # noqa: PTH113 - never raises


def weights_identity(name: str, options: BuildOptions) -> str | Path | None:
    """A file or SHA-256 that identifies the weights that `find_weights` would find, or None.

    In Hugging Face's cache the name of a large file is the SHA-256 of its content.
    """
    path = options.weights or cached_weights(name)
    if path is None or options.weights:
        return path
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and len(blob.name) == 64 else path


def _repository(name: str) -> str:
    return f"timm/{name}"


def _check_hub(name: str, offline: bool) -> None:
    """Raise WeightsError if the hub must not be used or does not answer."""
    from huggingface_hub import constants

    if offline or constants.HF_HUB_OFFLINE:
        raise _unavailable(name, "the network must not be used")
    problem = _hub_problem(name)
    if problem:
        raise _unavailable(name, problem)


def _hub_problem(name: str) -> str | None:
    """The reason why the weights cannot be downloaded, or None if they can.

    Requested in a thread, because name resolution can block longer than the timeout of a request.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    problems: list[str] = [f"huggingface.co did not answer within {PROBE_SECONDS:g} s"]

    def request() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(_repository(name), HUB_FILE), timeout=PROBE_SECONDS)
            problems.clear()
        except Exception as error:  # noqa: BLE001 - the hub and its HTTP library have no common error
            problems[:] = [f"the hub has an error ({error or type(error).__name__})"]

    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return problems[0] if problems else None


def _unavailable(name: str, reason: str) -> WeightsError:
    from huggingface_hub import constants

    return WeightsError(
        f"no weights for {name}: not in {constants.HF_HUB_CACHE}, and {reason}; "
        "give a checkpoint with `weights=PATH`, or try `extractor=xfeat`, which needs no download"
    )
