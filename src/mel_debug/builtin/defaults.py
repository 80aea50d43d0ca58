"""The default extractor."""

DINOV3_SIZE = "base"


def dinov3_name(size: str | None = None) -> str:
    """Return the name of the DINOv3 extractor of a size, such as `small`; None is the default."""
    return f"dinov3-{size or DINOV3_SIZE}"
