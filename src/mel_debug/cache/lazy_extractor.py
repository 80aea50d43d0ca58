"""An extractor that is built when it is first needed and can tell before what it will be."""

import json
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.errors import WeightsError
from mel_debug.core.stages import BuildOptions, FeatureExtractor, StageSpec
from mel_debug.core.types import Colour, Vectors

IMMATERIAL = {"device", "weights", "offline", "values", "runtime", "threads", "artifacts"}
"""Build options that do not by themselves change vectors, or that the identity tells otherwise.

Any option that `BuildOptions` may get later counts.
"""


class LazyExtractor:
    """The extractor of an offer, built at the first look at what only a built one knows.

    `digest` tells the content of a file.
    """

    def __init__(
        self,
        offer: StageSpec[FeatureExtractor],
        options: BuildOptions,
        digest: Callable[[Path], str],
    ) -> None:
        self._offer = offer
        self._options = options
        self._digest = digest
        self._lock = threading.RLock()
        self._identity: str | None = None
        self._built: FeatureExtractor | None = None

    @property
    def patch(self) -> int:
        return self._offer.patch_for(self._options.values) or self.built.patch

    @property
    def mean_colour(self) -> Colour:
        return self.built.mean_colour

    def extract(self, images: NDArray[np.uint8]) -> Vectors:
        """See `FeatureExtractor.extract`."""
        return self.built.extract(images)

    @property
    def built(self) -> FeatureExtractor:
        """The extractor itself. Raises MelError, also when the weights can't be had."""
        with self._lock:
            if self._built is None:
                foreseen = self.identity()
                self._built = self._offer.build(self._options)
                self._identity = None
                if foreseen not in (None, self.identity()):
                    raise WeightsError(
                        f"the weights of {self._offer.name} changed while they were loaded; "
                        "run again"
                    )
            return self._built

    def identity(self) -> str | None:
        """All that vectors depend on besides pixels; None while it can't be known.

        Once known it stays, for what is built stays what it is.
        """
        with self._lock:
            if self._identity is None:
                self._identity = self._told()
            return self._identity

    def _told(self) -> str | None:
        tell = self._offer.depends_on
        parts = None if tell is None else tell(self._options)
        if parts is None:
            return None
        told = {
            "extractor": self._offer.name,
            "parts": [self._digest(part) if isinstance(part, Path) else part for part in parts],
            "options": dict(self._options.values),
        }
        told |= {
            field.name: repr(getattr(self._options, field.name))
            for field in fields(self._options)
            if field.name not in IMMATERIAL
        }
        return json.dumps(told, sort_keys=True)
