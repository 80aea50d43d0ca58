"""Previews of photos as bytes, so that a run that needs no more decodes no photo."""

import io
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.photo import Preview

JPEG_QUALITY = 95

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class StoredPreview:
    """A preview as a JPEG, and its mask as packed bits, deflated; no bits where there is no mask.

    What is opened differs from what was valid as a JPEG does.
    """

    jpeg: Bytes
    mask: Bytes

    @classmethod
    def of(cls, preview: Preview) -> "StoredPreview":
        from PIL import Image

        encoded = io.BytesIO()
        Image.fromarray(preview.pixels).save(
            encoded, format="JPEG", quality=JPEG_QUALITY, subsampling=0
        )
        bits = b"" if preview.mask is None else zlib.compress(np.packbits(preview.mask).tobytes())
        return cls(_bytes(encoded.getvalue()), _bytes(bits))

    def open(self) -> Preview:
        """Raises ValueError or OSError for bytes that `of` did not make."""
        from PIL import Image

        with Image.open(io.BytesIO(self.jpeg.tobytes()), formats=["JPEG"]) as image:
            pixels = np.asarray(image)
        if not self.mask.size:
            return Preview(pixels, None)
        bits = np.frombuffer(zlib.decompress(self.mask.tobytes()), np.uint8)
        height, width = pixels.shape[:2]
        return Preview(pixels, np.unpackbits(bits)[: height * width].reshape(height, width) > 0)


def _bytes(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8)
