"""Recognising the image formats that may be decoded, by the first bytes of a file.

Pillow supports formats whose decoders run other programs (PostScript), and many that no camera
writes. Suffixes are unreliable: phones name HEIC files `.jpg`.
"""

HEAD_BYTES = 256
"""Bytes of a file that `format_of` needs: a HEIF file begins with a list of brands."""

PLUGINS = {
    "JPEG": "PIL.JpegImagePlugin",  # MPO as well
    "PNG": "PIL.PngImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
    "BMP": "PIL.BmpImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "PPM": "PIL.PpmImagePlugin",
    "JPEG2000": "PIL.Jpeg2KImagePlugin",
    "AVIF": "PIL.AvifImagePlugin",
}
"""The module of Pillow that decodes each format."""

HEIF = "HEIF"

HOLD_DECODER = {"WEBP", "AVIF", HEIF}
"""Formats whose Pillow images refer to a decoder, and with it to a copy of the photo."""

READ_WHOLE = HOLD_DECODER
"""Formats whose decoders read the whole file into memory."""

RAW_SUFFIXES = (
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw"}
    | {".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw"}
    | {".x3f"}
)
"""Suffixes of raw photos of cameras, which have to be developed first; many are TIFFs whose first
image is a preview."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    *((f"P{number}{space}".encode(), "PPM") for number in range(1, 7) for space in " \t\r\n#"),
)

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1"}
_RAW_BRANDS = {b"crx "}

_OTHERS = (
    (b"%!PS", "is PostScript"),
    (b"\xc5\xd0\xd3\xc6", "is PostScript"),
    (b"%PDF", "is a PDF"),
    (b"8BPS", "is a Photoshop document"),
    (b"PK\x03\x04", "is a ZIP archive"),
    (b"FUJIFILMCCD-RAW", "is a raw photo of a camera"),
    (b"IIU\0", "is a raw photo of a camera"),
    (b"IIRO", "is a raw photo of a camera"),
    (b"version https://git-lfs", "is a pointer of Git LFS (try: git lfs pull)"),
)


def format_of(head: bytes) -> str | None:
    """The name of the format of a file with these first bytes; None if it can't be decoded."""
    if head[8:10] == b"CR" and head[:4] == b"II*\0":  # Canon's CR2
        return None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    brands = _brands(head)
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return HEIF
    return next((name for start, name in _SIGNATURES if head.startswith(start)), None)


def other_kind(head: bytes) -> str:
    """What a file of no readable format is, as the end of a sentence: "is empty"."""
    if not head:
        return "is empty"
    if head[8:10] == b"CR" or _brands(head) & _RAW_BRANDS:
        return "is a raw photo of a camera"
    if _brands(head):
        return "is a video"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<?xml", b"<svg", b"<!doctype", b"<html")):
        return "is a web page or SVG"
    known = (what for start, what in _OTHERS if head.startswith(start))
    return next(known, "has none of the known formats")


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP file from its first bytes (RFC 9649); None if they lack it.

    Pillow allocates memory for all pixels when it opens a WebP, so the size is checked before.
    """
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + _little(head[24:27]), 1 + _little(head[27:30])
    if kind == b"VP8L" and head[20:21] == b"\x2f":
        bits = _little(head[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
    return None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _brands(head: bytes) -> set[bytes]:
    """The brands in the first box of an ISO media file (ISO 14496-12, `ftyp`); else none."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[start : start + 4] for start in range(16, end - 3, 4))}
