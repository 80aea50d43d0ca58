"""Finding published weights without importing torch or waiting for a network that isn't there."""

import os
import threading
from pathlib import Path

from mel_debug.builtin.extractors.weight_files import check_weights
from mel_debug.core.errors import WeightsError
from mel_debug.core.stages import BuildOptions

HUB_FILE = "model.safetensors"
PROBE_SECONDS = 5.0
"""How long to wait for the hub to answer at all. timm itself retries for about 50 seconds."""


def find_weights(name: str, options: BuildOptions) -> Path | None:
    """The weights to load for a timm model; None means that timm can download them.

    They are `options.weights`, else what Hugging Face's cache holds. Raises WeightsError, within
    seconds, for a file that can't be weights, and when there are none and the network may not be
    used or does not answer.
    """
    if options.weights is not None:
        check_weights(options.weights)
    path = options.weights or cached_weights(name)
    if path is None:
        _check_hub(name, options.offline)
    return path


def cached_weights(name: str) -> Path | None:
    """The weights of a timm model in Hugging Face's cache, or None. Asks no network."""
    # Its layout is read here, for the hub's own function takes half a second to import.
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{_repository(name).replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    weights = folder / "snapshots" / revision / HUB_FILE
    return weights if os.path.isfile(weights) else None  # noqa: PTH113 - never raises


def identity_of(name: str, options: BuildOptions) -> str | Path | None:
    """What tells the content of the weights that `find_weights` would find; None if none is here.

    Hugging Face's cache names a large file by the SHA-256 of its content.
    """
    path = options.weights or cached_weights(name)
    if path is None or options.weights:
        return path
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and len(blob.name) == 64 else path


def _repository(name: str) -> str:
    return f"timm/{name}"


def _check_hub(name: str, offline: bool) -> None:
    """Raise WeightsError when the weights can't be fetched: not allowed, or nobody answers."""
    from huggingface_hub import constants

    if offline or constants.HF_HUB_OFFLINE:
        raise _unavailable(name, "the network is not to be used")
    problem = _hub_problem(name)
    if problem:
        raise _unavailable(name, problem)


def _hub_problem(name: str) -> str | None:
    """Why the hub can't give the weights, or None when it can.

    Asked in a thread, for a name server that never answers would hold us longer than any timeout
    of the request itself.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    problems: list[str] = [f"huggingface.co gave no answer in {PROBE_SECONDS:g} s"]

    def ask() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(_repository(name), HUB_FILE), timeout=PROBE_SECONDS)
            problems.clear()
        except Exception as error:  # noqa: BLE001 - the hub's errors and its HTTP library's share no base
            problems[:] = [f"the hub can't give it ({error or type(error).__name__})"]

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return problems[0] if problems else None


def _unavailable(name: str, reason: str) -> WeightsError:
    from huggingface_hub import constants

    return WeightsError(
        f"no weights for {name}: not in {constants.HF_HUB_CACHE}, and {reason}; "
        "give a checkpoint with `weights=PATH`, or try `extractor=xfeat`, which needs no download"
    )
