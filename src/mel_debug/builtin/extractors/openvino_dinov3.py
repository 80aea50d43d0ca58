"""Dense DINOv3 patch features through OpenVINO; once converted, without torch or timm."""

import os
import sys
import threading
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mel_debug.builtin.extractors.graphs import (
    Facts,
    discard_graph,
    find_graph,
    graph_key,
    keep_graph,
    warn_unkept,
)
from mel_debug.builtin.extractors.hub import cached_weights, identity_of
from mel_debug.builtin.extractors.openvino_import import openvino
from mel_debug.builtin.extractors.rotary import rotary_table
from mel_debug.core.errors import WeightsError
from mel_debug.core.stages import ArtifactCache, BuildOptions
from mel_debug.core.types import Colour, Pixels, Vectors


def build(timm_name: str, weights: Path | None, options: BuildOptions) -> "GraphTransformer":
    """The model of a checkpoint, converted if its graph is not kept yet or damaged.

    timm downloads weights that are None. Raises WeightsError for weights that are damaged or of
    another model.
    """
    path = weights or _downloaded(timm_name)
    if options.artifacts is None:
        return _built(*_convert(timm_name, path), options)
    return _kept(timm_name, path, options, options.artifacts)


def _kept(
    timm_name: str, weights: Path, options: BuildOptions, artifacts: ArtifactCache
) -> "GraphTransformer":
    key = _key(timm_name, options, artifacts)
    graph = find_graph(artifacts.folder, key)
    if graph is not None:
        try:
            return _built(graph.model, graph.facts, options, graph.compiled)
        except RuntimeError:  # OpenVINO can't read it
            discard_graph(graph.folder)
    sys.stderr.write("converting the model for OpenVINO; later runs need not\n")
    model, facts = _convert(timm_name, weights)
    if _key(timm_name, options, artifacts) != key:
        raise WeightsError(f"{weights} changed while it was read; run again")
    try:
        graph = keep_graph(artifacts.folder, key, facts, partial(_save, model))
    except OSError as error:
        warn_unkept(artifacts.folder, error)
        return _built(model, facts, options)
    return _built(graph.model, graph.facts, options, graph.compiled)


def _key(timm_name: str, options: BuildOptions, artifacts: ArtifactCache) -> str:
    """By the content of the weights and the releases of what converts them."""
    content = identity_of(timm_name, options)
    return graph_key(
        {
            "model": timm_name,
            "weights": artifacts.digest(content) if isinstance(content, Path) else str(content),
            "timm": version("timm"),
            "openvino": version("openvino"),
        }
    )


class GraphTransformer:
    """A converted vision transformer as a feature extractor."""

    def __init__(self, compiled: Any, facts: Facts) -> None:
        self.patch = facts.patch
        self.mean_colour: Colour = facts.mean_colour
        self._facts = facts
        self._compiled = compiled
        self._request = compiled.create_infer_request()
        self._turn = threading.Lock()

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, dimensions) float32."""
        rows, columns = images.shape[1] // self.patch, images.shape[2] // self.patch
        facts = self._facts
        table = rotary_table(rows, columns, facts.head_dimensions, facts.temperature)
        with self._turn:  # one image already keeps every core busy
            answer = self._request.infer([np.ascontiguousarray(images), table], share_inputs=True)
            self._compiled.release_memory()  # what lies between layers is of no use between photos
        vectors: Vectors = answer[0].reshape(len(images), rows, columns, -1)
        return vectors


def _built(
    model: Any, facts: Facts, options: BuildOptions, compiled: Path | None = None
) -> GraphTransformer:
    """`model` is OpenVINO's or the path of a saved one.

    In the folder `compiled` OpenVINO keeps what it makes of it for this processor and precision,
    and makes it again when that is damaged or of another release; it halves the time to start.
    """
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": options.precision,
    }
    if options.threads is not None:
        settings["INFERENCE_NUM_THREADS"] = options.threads
    if compiled is not None and os.access(compiled.parent, os.W_OK):
        settings["CACHE_DIR"] = str(compiled)
    return GraphTransformer(openvino.Core().compile_model(model, "CPU", settings), facts)


def _convert(timm_name: str, weights: Path) -> tuple[Any, Facts]:
    from mel_debug.builtin.extractors.convert import converted
    from mel_debug.builtin.extractors.dinov3 import load_model

    return converted(load_model(timm_name, weights, "cpu"))


def _downloaded(timm_name: str) -> Path:
    """Weights that timm has put into the hub's cache now."""
    from mel_debug.builtin.extractors.dinov3 import load_model

    load_model(timm_name, None, "cpu")
    weights = cached_weights(timm_name)
    if weights is None:
        raise WeightsError(
            f"timm downloaded {timm_name}, but not to where it is looked for; try `runtime=torch`"
        )
    return weights


def _save(model: Any, path: Path) -> None:
    try:
        openvino.save_model(model, path, compress_to_fp16=False)
    except RuntimeError as error:  # OpenVINO's own, for a full disk too
        raise OSError(" ".join(str(error).split())) from error
