"""Finding published weights without importing torch or waiting long for the network."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from mel_debug.builtin.extractors.dinov3_models import MODELS
from mel_debug.builtin.extractors.weight_folders import check_files, check_training, files_of
from mel_debug.core.errors import WeightsError
from mel_debug.core.stages import BuildOptions

HUB_FILE = "model.safetensors"
PROBE_SECONDS = 5.0
"""The time limit for a first answer of the hub; timm itself would retry for about 50 s."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where the weights of a model are on Hugging Face; no `repository` if they are not there."""

    repository: str | None
    file: str = HUB_FILE


def of_timm(name: str) -> Published:
    """Where timm publishes the weights of a model of DINOv3, by its full name."""
    return Published(f"timm/{name}")


def find_weights(
    name: str, options: BuildOptions, published: Published | None = None
) -> Path | None:
    """The weights, a file or a folder, for a timm model; None means that timm can download them.

    They are `options.weights`, else what Hugging Face's cache has of `published`, by default that
    of timm, or for DINOv3 of Meta's repository. Raises WeightsError, within seconds, for
    files that cannot contain weights or are of other training data than the model, or if there are
    none and the hub must not be used or does not answer.
    """
    if options.weights is not None:
        check_files(options.weights)
        check_training(options.weights, name)
        return options.weights
    published = published or of_timm(name)
    path = cached_weights(name, published)
    if path is None:
        _check_hub(name, published, options.offline)
    return path


def cached_weights(name: str, published: Published | None = None) -> Path | None:
    """The weights of a timm model in Hugging Face's cache, or None. Does not use the network.

    A file of timm's repository, or the folder of Meta's.
    """
    published = published or of_timm(name)
    snapshot = _snapshot(published.repository)
    # os.path.isfile never raises.
    if snapshot is not None and os.path.isfile(snapshot / published.file):  # noqa: PTH113
        return snapshot / published.file
    snapshot = _snapshot(MODELS[name].repository) if name in MODELS else None
    if snapshot is None or not os.path.isdir(snapshot):  # noqa: PTH112 - never raises
        return None
    try:
        files_of(snapshot)
    except (WeightsError, OSError):  # a download that was stopped
        return None
    return snapshot


def _snapshot(repository: str | None) -> Path | None:
    """The folder of the newest revision of a repository in the cache, or None."""
    if repository is None:
        return None
    # The layout is read directly, because importing the hub's function takes half a second.
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    return folder / "snapshots" / revision


def weights_identity(
    name: str, options: BuildOptions, published: Published | None = None
) -> tuple[str | Path, ...] | None:
    """Files or SHA-256 that identify the weights that `find_weights` would find, or None.

    In Hugging Face's cache the name of a large file is the SHA-256 of its content.
    """
    path = options.weights or cached_weights(name, published)
    if path is None:
        return None
    files = files_of(path)
    return files if options.weights else tuple(_blob_name(file) for file in files)


def _blob_name(file: Path) -> str | Path:
    blob = file.resolve()
    return blob.name if blob.parent.name == "blobs" and len(blob.name) == 64 else file


def _check_hub(name: str, published: Published, offline: bool) -> None:
    """Raise WeightsError if the hub must not be used or does not answer."""
    from huggingface_hub import constants

    if published.repository is None:
        raise _unavailable(name, "no weights of it are published there")
    if offline or constants.HF_HUB_OFFLINE:
        raise _unavailable(name, "the network must not be used")
    problem = _hub_problem(published.repository, published.file)
    if problem:
        raise _unavailable(name, problem)


def _hub_problem(repository: str, file: str) -> str | None:
    """The reason why the weights cannot be downloaded, or None if they can.

    Requested in a thread, because name resolution can block longer than the timeout of a request.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    problems: list[str] = [f"huggingface.co did not answer within {PROBE_SECONDS:g} s"]

    def request() -> None:
        try:
            get_hf_file_metadata(hf_hub_url(repository, file), timeout=PROBE_SECONDS)
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
