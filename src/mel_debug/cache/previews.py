"""Previews of photos as bytes, for runs that need no more of a photo than its preview."""

import io
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mel_debug.core.photo import Preview

JPEG_QUALITY = 95
"""Pillow's documentation advises against more: files grow with hardly any gain in quality."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class StoredPreview:
    """A preview as a JPEG file, and its mask as deflated bits; `mask` is empty without a mask.

    The pixels lose quality as in any JPEG; the mask is exact.
    """

    jpeg: Bytes
    mask: Bytes

    @classmethod
    def of(cls, preview: Preview) -> "StoredPreview":
        """The encoded form of a preview."""
        from PIL import Image

        encoded = io.BytesIO()
        Image.fromarray(preview.pixels).save(
            encoded, format="JPEG", quality=JPEG_QUALITY, subsampling=0
        )
        bits = b"" if preview.mask is None else zlib.compress(np.packbits(preview.mask).tobytes())
        return cls(_bytes(encoded.getvalue()), _bytes(bits))

    def open(self) -> Preview:
        """The preview. Raises ValueError or OSError if the bytes are damaged."""
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
