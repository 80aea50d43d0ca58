"""ICC profiles for tests, made from primaries: nothing has to be shipped."""

import io

from PIL import Image, ImageCms

from mel_debug.core.types import Pixels

P3_PRIMARIES = (
    (0.51512, 0.2412, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.1571, 0.06657, 0.78407),
)
"""Red, green and blue of Display P3 as XYZ under D50 (ICC registry, DisplayP3)."""

_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def display_p3() -> bytes:
    """A profile such as iPhones embed (ICC.1:2010, a matrix and a parametric curve)."""
    white = (0.96419, 1.0, 0.82489)
    curve = b"para" + bytes(4) + (3).to_bytes(2, "big") + bytes(2) + _numbers(_SRGB_CURVE)
    tags = {
        b"desc": _text("Display P3"),
        b"cprt": _text("none"),
        b"wtpt": _xyz(white),
        **{
            name + b"XYZ": _xyz(xyz)
            for name, xyz in zip((b"r", b"g", b"b"), P3_PRIMARIES, strict=True)
        },
        **{name + b"TRC": curve for name in (b"r", b"g", b"b")},
    }
    start = 128 + 4 + 12 * len(tags)
    table, body = len(tags).to_bytes(4, "big"), b""
    for name, data in tags.items():
        table += name + (start + len(body)).to_bytes(4, "big") + len(data).to_bytes(4, "big")
        body += data + bytes(-len(data) % 4)
    header = bytearray(128)
    header[0:4] = (start + len(body)).to_bytes(4, "big")
    header[8:12] = b"\x04\0\0\0"
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = _numbers((0.9642, 1.0, 0.82491))
    return bytes(header) + table + body


def srgb() -> bytes:
    """The profile of sRGB itself."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def in_p3(picture: Pixels) -> Image.Image:
    """An sRGB picture with its colours as Display P3 has them; the profile is not attached."""
    image = ImageCms.profileToProfile(
        Image.fromarray(picture),
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(display_p3())),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert image is not None
    return image


def _numbers(values: tuple[float, ...]) -> bytes:
    return b"".join(round(value * 65536).to_bytes(4, "big", signed=True) for value in values)


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + _numbers(values)


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    sizes = (1, 12), (len(encoded), 28)
    (count, record), (length, offset) = sizes
    header = count.to_bytes(4, "big") + record.to_bytes(4, "big") + b"enUS"
    return (
        b"mluc"
        + bytes(4)
        + header
        + length.to_bytes(4, "big")
        + offset.to_bytes(4, "big")
        + encoded
    )
