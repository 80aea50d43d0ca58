"""XFeat on a processor without torch: its graph, run by OpenVINO or by OpenCV.

Measured on one core of two: torch and kornia take 1.6 s to import, OpenVINO 0.2 s with a stored
graph, OpenCV 0.01 s, as the matcher has imported it already. A photo at 2048 px takes 0.63 s in
torch, 0.40 in OpenVINO and 0.60 in OpenCV, 60 windows of 136 px 0.30, 0.22 and 0.40. A forward pass
of matrix products in numpy took 1.6 and 0.66 s, and is not used.
"""

import functools
import os
import threading
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mel_debug.builtin.extractors.graphs import COMPILED, COMPILED_FILES, MODEL, graph_key
from mel_debug.builtin.extractors.xfeat_graph import (
    NOMINAL_SHAPE,
    PATCH,
    STRIDE,
    normalised,
    read_state,
    xfeat_graph,
)
from mel_debug.builtin.extractors.xfeat_weights import packaged_weights
from mel_debug.core.errors import MelError
from mel_debug.core.stages import BuildOptions
from mel_debug.core.types import Colour, Pixels, Vectors

Engine = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Computes descriptors (n, 64, rows, columns) of images (n, 1, height, width)."""

SMALL_WORK = 2_000_000
"""Pixels up to which OpenCV is faster, as it need not be imported: an eighth of a second's work."""


class GraphXFeat:
    """XFeat as a feature extractor; threads may share it.

    `engine` runs the network, after `few` has run it on `SMALL_WORK` pixels; both are built at
    their first use.
    """

    patch = PATCH
    mean_colour: Colour = (128, 128, 128)
    """Mid grey: XFeat subtracts the mean of each image, so no colour is special."""

    def __init__(self, engine: Callable[[], Engine], few: Callable[[], Engine] | None) -> None:
        self._build_engine = engine
        self._engine = None if few is None else few()
        self._small_work = 0 if few is None else SMALL_WORK
        self._is_final = False
        self._lock = threading.Lock()

    def extract(self, images: Pixels) -> Vectors:
        """(count, height, width, 3) uint8 to (count, rows, columns, 64) float32."""
        height, width = images.shape[1:3]
        grey = normalised(images)
        with self._lock:  # one call already uses all cores
            self._small_work -= grey.size
            if self._engine is None or (self._small_work < 0 and not self._is_final):
                self._engine, self._is_final = self._build_engine(), True
            descriptors = self._engine(grey)
        inside = descriptors[:, :, : height // PATCH, : width // PATCH]
        return np.ascontiguousarray(inside.transpose(0, 2, 3, 1))


def build(options: BuildOptions, runtime: str) -> GraphXFeat:
    """XFeat with the packaged weights or `options.weights`, on `openvino` or `opencv`.

    `auto` runs a few windows on OpenCV, and more on OpenVINO if that is installed. Raises MelError
    if the extra is not installed and WeightsError for weights of another model.
    """
    path = options.weights or packaged_weights()

    def opencv() -> Engine:
        return _opencv(path, options.threads)

    def openvino() -> Engine:
        return _openvino(path, options)

    if runtime == "openvino":
        engine = openvino()  # now, so that wrong weights are noticed
        return GraphXFeat(lambda: engine, None)
    has_openvino = runtime == "auto" and find_spec("openvino") is not None
    first = opencv()
    return GraphXFeat(openvino if has_openvino else lambda: first, lambda: first)


def _opencv(path: Path, threads: int | None) -> Engine:
    import cv2

    if threads is not None:
        cv2.setNumThreads(threads)
    graph = xfeat_graph(read_state(path), path, NOMINAL_SHAPE)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(graph, dtype=np.uint8))

    @functools.cache
    def of_slivers() -> Engine:
        from mel_debug.builtin.extractors.xfeat import of_grey

        return of_grey(path)

    def run(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        # OpenCV 5.0 reads memory that it has not written for maps of a single row or column, which
        # is what such images become in the last layers.
        if min(grey.shape[2:]) <= STRIDE:
            return of_slivers()(grey)
        net.setInput(grey)
        return np.asarray(net.forward())

    return run


def _openvino(path: Path, options: BuildOptions) -> Engine:
    from mel_debug.builtin.extractors.openvino_import import cpu_settings, openvino

    settings = cpu_settings(options)
    core = openvino.Core()
    folder = _stored(path, options)
    if folder is not None and os.access(folder, os.W_OK):
        settings["CACHE_DIR"] = str(folder / COMPILED)
    model = _read(core, path) if folder is None else folder / MODEL
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()

    def run(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        descriptors: NDArray[np.float32] = request.infer([grey], share_inputs=True)[0]
        compiled.release_memory()  # activations, not needed between photos
        return descriptors

    return run


def _read(core: Any, path: Path) -> Any:
    return core.read_model(xfeat_graph(read_state(path), path))


def _stored(path: Path, options: BuildOptions) -> Path | None:
    """The folder of the stored graph, which is made if it is missing; None if it can't be stored.

    It saves a tenth of a second: OpenVINO keeps the compiled graph inside it.
    """
    artifacts = options.artifacts
    if artifacts is None:
        return None
    from mel_debug.builtin.extractors.openvino_import import openvino

    parts = {"model": "xfeat", "weights": artifacts.digest(path), "openvino": version("openvino")}
    key = graph_key(parts)
    folder = artifacts.find(key)
    if folder is not None:
        return folder
    model = _read(openvino.Core(), path)

    def save(folder: Path) -> None:
        try:
            openvino.save_model(model, folder / MODEL, compress_to_fp16=False)
        except RuntimeError as error:  # also for a full disk
            raise OSError(" ".join(str(error).split())) from error

    try:
        return artifacts.store(key, save, later=COMPILED_FILES)
    except MelError:  # a folder that can't be written: the graph is made again in each run
        return None
