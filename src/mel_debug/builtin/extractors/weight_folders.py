"""The files of a checkpoint, which may be a folder, and what they say of the model's training.

Nothing here imports torch or runs code from a file.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mel_debug.builtin.extractors.dinov3_models import MEANS, MODELS, trained_on, trainings_of
from mel_debug.builtin.extractors.weight_files import check_weights, is_safetensors
from mel_debug.core.errors import WeightsError, warn
from mel_debug.core.json_value import parsed

CONFIG = "config.json"
_WHOLE = ("model.safetensors", "pytorch_model.bin", "model.bin")
_INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_ABOUT = (CONFIG, "preprocessor_config.json")
"""Files beside the weights that say what the model is."""

MOST_JSON = 50_000_000
"""Bytes; the index of the largest model has 100,000."""


def files_of(path: Path) -> tuple[Path, ...]:
    """The files with the weights of a checkpoint, a file or a folder of Hugging Face or timm.

    Raises WeightsError for a folder without weights, or whose index names a file that is missing.
    """
    if not path.is_dir():
        return (path,)
    for name in _WHOLE:
        if (path / name).is_file():
            return (path / name,)
    index = next((path / name for name in _INDEXES if (path / name).is_file()), None)
    if index is not None:
        return _shards(index)
    others = sorted(
        file for file in path.iterdir() if file.suffix in (".safetensors", ".pth", ".pt", ".bin")
    )
    if len(others) == 1 and (path / CONFIG).is_file():
        return (others[0],)
    raise WeightsError(
        f"{path} is a folder without {_WHOLE[0]}; give a folder with {CONFIG} and {_WHOLE[0]}, as "
        "Hugging Face stores models, or the file with the weights"
    )


def _shards(index: Path) -> tuple[Path, ...]:
    """The files that an index names, all in its own folder."""
    try:
        names = sorted({str(name) for name in _json(index)["weight_map"].values()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{index} is not an index of weights; download it again") from error
    shards = tuple(index.parent / name for name in names)
    missing = [path.name for path in shards if not path.is_file() or path.parent != index.parent]
    if missing or not shards:
        raise WeightsError(
            f"{index} names {len(shards)} files, but {missing[0] if missing else 'none'} is not "
            "beside it; download the folder again"
        )
    return shards


def check_files(path: Path) -> None:
    """Raise WeightsError for a checkpoint, a file or a folder, that cannot contain weights."""
    for file in files_of(path):
        check_weights(file)


def check_training(path: Path, name: str) -> None:
    """Raise WeightsError for weights of other training data than those of a DINOv3 model.

    The tensors do not differ, only the colours with which images are normalised. Issues a warning
    if neither the files nor their names say what the training data are.
    """
    if name not in MODELS or len(trainings_of(name)) < 2:
        return
    model = MODELS[name]
    training = training_of(path)
    if training is None:
        warn(
            f"{path} does not say whether it was trained on {' or '.join(trainings_of(name))}; "
            f"its images are normalised as for {model.training}, since {name} was asked for"
        )
    elif training != model.training:
        other = trained_on(name, training)
        raise WeightsError(
            f"{path} was trained on {training}, and {name} on {model.training}, which needs other "
            f"colours; try `extractor=timm:{other}`"
        )


def training_of(path: Path) -> str | None:
    """The training data that a checkpoint of DINOv3 names; None if it names none.

    Read from the metadata of safetensors, then the configuration files beside it, then the names
    of the file and its folders.
    """
    for text in _texts(path):
        found = [training for training in MEANS if training in text.lower()]
        if len(found) == 1:
            return found[0]
    return None


def _texts(path: Path) -> Iterator[str]:
    file = files_of(path)[0]
    folder = file.parent
    if is_safetensors(file):
        yield json.dumps(_metadata(file))
    for about in _ABOUT:
        if (folder / about).is_file():
            try:
                content = _json(folder / about)
            except (ValueError, OSError):
                continue
            yield json.dumps(content)
            yield _named_mean(content)
    if not path.is_dir():
        yield path.name
        yield path.resolve().name
    for parent in (folder, *list(folder.parents)[:2]):
        yield parent.name


def _named_mean(content: Any) -> str:
    """The training data whose mean colour a configuration has; empty if there is none."""
    if not isinstance(content, dict):
        return ""
    inner = content.get("pretrained_cfg")
    mean = content.get("image_mean") or (inner.get("mean") if isinstance(inner, dict) else None)
    if not isinstance(mean, list) or len(mean) != 3:
        return ""
    near = [
        training
        for training, colour in MEANS.items()
        if all(
            isinstance(one, int | float) and abs(one - other) < 0.005
            for one, other in zip(mean, colour, strict=True)
        )
    ]
    return near[0] if near else ""


def _metadata(file: Path) -> Any:
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = parsed(stream.read(length))
    return header.get("__metadata__", {}) if isinstance(header, dict) else {}


def _json(path: Path) -> Any:
    with path.open("rb") as file:
        return parsed(file.read(MOST_JSON))
