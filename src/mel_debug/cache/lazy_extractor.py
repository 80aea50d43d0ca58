"""An extractor that is built at first use, but whose identity is known before."""

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

NOT_IN_IDENTITY = {
    *("device", "weights", "offline", "values", "runtime", "threads", "artifacts", "results"),
}
"""Build options that do not change vectors, or that the identity contains in another form.

Options added to `BuildOptions` in future are part of the identity unless they are listed here.
"""


class LazyExtractor:
    """The extractor of a spec, built when something is needed that only the built one has.

    `digest` returns the SHA-256 of a file.
    """

    def __init__(
        self,
        spec: StageSpec[FeatureExtractor],
        options: BuildOptions,
        digest: Callable[[Path], str],
    ) -> None:
        self._spec = spec
        self._options = options
        self._digest = digest
        self._lock = threading.RLock()
        self._identity: str | None = None
        self._built: FeatureExtractor | None = None

    @property
    def patch(self) -> int:
        return self._spec.patch_for(self._options.values) or self.built.patch

    @property
    def mean_colour(self) -> Colour:
        return self.built.mean_colour

    def extract(self, images: NDArray[np.uint8]) -> Vectors:
        """See `FeatureExtractor.extract`."""
        return self.built.extract(images)

    @property
    def built(self) -> FeatureExtractor:
        """The extractor itself. Raises MelError, for example if its weights are missing."""
        with self._lock:
            if self._built is None:
                expected = self.identity()
                self._built = self._spec.build(self._options)
                self._identity = None
                if expected not in (None, self.identity()):
                    raise WeightsError(
                        f"the weights of {self._spec.name} changed while they were loaded; "
                        "run again"
                    )
            return self._built

    def identity(self) -> str | None:
        """Everything that vectors depend on besides pixels, as a text; None while it is unknown.

        Constant once it is known, even if the weights file is replaced: the built extractor does
        not change.
        """
        with self._lock:
            if self._identity is None:
                self._identity = self._current_identity()
            return self._identity

    def _current_identity(self) -> str | None:
        depends_on = self._spec.depends_on
        parts = None if depends_on is None else depends_on(self._options)
        if parts is None:
            return None
        identity = {
            "extractor": self._spec.name,
            "parts": [self._digest(part) if isinstance(part, Path) else part for part in parts],
            "options": dict(self._options.values),
        }
        identity |= {
            field.name: repr(getattr(self._options, field.name))
            for field in fields(self._options)
            if field.name not in NOT_IN_IDENTITY
        }
        return json.dumps(identity, sort_keys=True)
