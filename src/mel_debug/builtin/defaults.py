"""Which of the built-in extractors a run uses unless another is chosen."""

DINOV3_SIZE = "base"


def dinov3_name(size: str | None = None) -> str:
    """The name of the DINOv3 extractor of a size, such as `small`; None is the default size."""
    return f"dinov3-{size or DINOV3_SIZE}"
