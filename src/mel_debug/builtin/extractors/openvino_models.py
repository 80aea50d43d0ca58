"""Features of timm models with OpenVINO; once converted, neither torch nor timm is needed."""

import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mel_debug.builtin.extractors.graphs import (
    COMPILED,
    COMPILED_FILES,
    MODEL,
    REFUSED,
    ConversionError,
    Facts,
    graph_key,
)
from mel_debug.builtin.extractors.hub import Published, cached_weights, weights_identity
from mel_debug.builtin.extractors.openvino_import import cpu_settings, openvino
from mel_debug.builtin.extractors.padding import padded
from mel_debug.builtin.extractors.rotary import rotary_table
from mel_debug.builtin.extractors.settings import Reading
from mel_debug.core.errors import MelError, WeightsError, is_out_of_memory, one_line, warn
from mel_debug.core.stages import ArtifactCache, BuildOptions, FeatureExtractor
from mel_debug.core.types import Colour, Pixels, Vectors

CHECKED = (5, 2)
"""Height and width in steps of the image on which a graph is compared with torch: other than those
that it is traced with."""

AGREEMENT = 1e-3
"""The largest difference of features, as a share of the largest. Measured: 3e-6 for models that
convert, and no less than 0.1 for those that do not."""


def build(
    timm_name: str,
    weights: Path | None,
    reading: Reading,
    options: BuildOptions,
    published: Published | None = None,
) -> "GraphExtractor":
    """Load a converted model, converting it first if no intact graph of it is stored.

    timm downloads the weights if they are None. Raises WeightsError for weights that are damaged or
    belong to another model, and ConversionError if OpenVINO can't run the model, which is stored
    too.
    """
    path = weights or _downloaded(timm_name, published)
    if options.artifacts is None:
        return _compiled(*_convert(timm_name, path, reading), options)
    source = _Source(timm_name, path, reading, published)
    key = _key(source, options, options.artifacts)
    stored = _from_store(key, options, options.artifacts)
    return stored or _converted_into_store(source, key, options, options.artifacts)


@dataclass(frozen=True, slots=True)
class _Source:
    """What a graph is converted from."""

    timm_name: str
    weights: Path
    reading: Reading
    published: Published | None


def _from_store(
    key: str, options: BuildOptions, artifacts: ArtifactCache
) -> "GraphExtractor | None":
    folder = artifacts.find(key)
    if folder is None:
        return None
    if (folder / REFUSED).exists():
        raise ConversionError.because((folder / REFUSED).read_text(encoding="utf-8"))
    try:
        return _loaded(folder, options)
    except RuntimeError:  # OpenVINO cannot read the model
        artifacts.discard(key)
        return None


def _converted_into_store(
    source: _Source, key: str, options: BuildOptions, artifacts: ArtifactCache
) -> "GraphExtractor":
    warn(f"converting {source.timm_name} for OpenVINO, which later runs need not do again")
    try:
        model, facts = _convert(source.timm_name, source.weights, source.reading)
    except ConversionError as error:
        with suppress(MelError):  # the next run then tries again
            artifacts.store(key, partial(_save_refusal, error.reason))
        raise
    if _key(source, options, artifacts) != key:
        raise WeightsError(f"{source.weights} changed while it was read; run again")

    def save(folder: Path) -> None:
        _save_model(model, folder / MODEL)
        facts.save(folder)

    try:
        folder = artifacts.store(key, save, later=COMPILED_FILES)
    except MelError as error:
        warn(f"the converted model is not stored and must be converted in each run: {error}")
        return _compiled(model, facts, options)
    return _loaded(folder, options)


def _save_refusal(reason: str, folder: Path) -> None:
    (folder / REFUSED).write_text(reason, encoding="utf-8")


def _key(source: _Source, options: BuildOptions, artifacts: ArtifactCache) -> str:
    """A key from the content of the weights and the versions of the packages that convert them."""
    content = weights_identity(source.timm_name, options, source.published) or ()
    digests = [artifacts.digest(part) if isinstance(part, Path) else part for part in content]
    return graph_key(
        {
            "model": source.timm_name,
            "weights": " ".join(digests),
            "reading": repr(source.reading),
            "timm": version("timm"),
            "openvino": version("openvino"),
        }
    )


class GraphExtractor:
    """A converted model as a feature extractor; threads may share it."""

    def __init__(self, compiled: Any, facts: Facts) -> None:
        self.patch = facts.patch
        self.mean_colour: Colour = facts.mean_colour
        self._facts = facts
        self._compiled = compiled
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, dimensions) float32."""
        facts = self._facts
        whole = padded(images, facts.step)
        rows, columns = (side // self.patch for side in whole.shape[1:3])
        inputs: list[Any] = [np.ascontiguousarray(whole)]
        if facts.head_dimensions:
            inputs.append(rotary_table(rows, columns, facts.head_dimensions, facts.temperature))
        with self._lock:  # one call already uses all cores
            answer = self._request.infer(inputs, share_inputs=True)
            self._compiled.release_memory()  # activations, not needed between photos
        vectors: Vectors = answer[0].reshape(len(images), rows, columns, -1)
        if whole is images:
            return vectors
        height, width = (side // self.patch for side in images.shape[1:3])
        return np.ascontiguousarray(vectors[:, :height, :width])


def _loaded(folder: Path, options: BuildOptions) -> GraphExtractor:
    """A stored graph. OpenVINO caches the compiled model inside the folder if it is writable.

    That halves the time to start. OpenVINO compiles again if the cached file is damaged or made by
    another release, for another processor or at another precision.
    """
    cache = folder / COMPILED if os.access(folder, os.W_OK) else None
    return _compiled(folder / MODEL, Facts.load(folder), options, cache)


def _compiled(
    model: Any, facts: Facts, options: BuildOptions, cache: Path | None = None
) -> GraphExtractor:
    """`model` is one of OpenVINO's or the path of a saved one."""
    settings = cpu_settings(options)
    if cache is not None:
        settings["CACHE_DIR"] = str(cache)
    return GraphExtractor(openvino.Core().compile_model(model, "CPU", settings), facts)


def _convert(timm_name: str, weights: Path, reading: Reading) -> tuple[Any, Facts]:
    from mel_debug.builtin.extractors.convert import convert
    from mel_debug.builtin.extractors.timm_models import TimmExtractor, load_model

    model = load_model(timm_name, weights, "cpu")
    graph, facts = convert(model, reading)
    # The rotary table is checked by `convert`, and replaced in the model.
    if not facts.head_dimensions and not _agrees(graph, facts, TimmExtractor(model, reading)):
        raise ConversionError.because(
            f"OpenVINO computes other features than torch for {timm_name}"
        )
    return graph, facts


def _agrees(graph: Any, facts: Facts, extractor: FeatureExtractor) -> bool:
    """Whether a graph gives the features of torch, for an image of another size than its trace's.

    A model that computes anything from the size of its images in Python does not. Raises
    ConversionError if the graph can't be run for that size.
    """
    images = np.random.default_rng(0).integers(
        0, 256, (1, CHECKED[0] * facts.step, CHECKED[1] * facts.step, 3), np.uint8
    )
    expected = extractor.extract(images)
    try:
        vectors = _compiled(graph, facts, BuildOptions("cpu", precision="f32")).extract(images)
    except (RuntimeError, ValueError) as error:  # of OpenVINO; features that are no grid
        if is_out_of_memory(error):
            raise
        raise ConversionError.because(
            f"the converted model can't be run by OpenVINO ({one_line(error)[:120]})"
        ) from error
    most = np.abs(expected).max()
    return vectors.shape == expected.shape and bool(
        np.abs(vectors - expected).max() <= AGREEMENT * most
    )


def _downloaded(timm_name: str, published: Published | None) -> Path:
    """Let timm download the weights, and return their path in Hugging Face's cache."""
    from mel_debug.builtin.extractors.timm_models import load_model

    load_model(timm_name, None, "cpu")
    weights = cached_weights(timm_name, published)
    if weights is None:
        raise ConversionError.because(
            f"timm downloaded {timm_name}, but not into Hugging Face's cache"
        )
    return weights


def _save_model(model: Any, path: Path) -> None:
    try:
        openvino.save_model(model, path, compress_to_fp16=False)
    except RuntimeError as error:  # also for a full disk
        raise OSError(" ".join(str(error).split())) from error
