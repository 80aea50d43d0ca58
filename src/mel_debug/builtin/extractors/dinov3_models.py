"""All published DINOv3 models: what is known of them without importing timm."""

from dataclasses import dataclass

WEB, SATELLITE = "lvd1689m", "sat493m"
"""The names of the two data sets that DINOv3 was trained on: web images and satellite images."""

MEANS = {WEB: (0.485, 0.456, 0.406), SATELLITE: (0.430, 0.411, 0.296)}
"""The mean red, green and blue with which images are normalised, by training data (model cards)."""

BIASED = "_qkvb"
"""Marks the twin of a model of timm that has biases of queries and values.

Most published checkpoints have biases that are all zero, and timm's plain models have none.
"""


@dataclass(frozen=True, slots=True)
class Dinov3Model:
    """One model: its architecture in timm, its training data, and its repository of Meta's.

    `strides` has the scaled pixels between two vectors, for each layer.
    """

    architecture: str
    training: str
    repository: str
    strides: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name in timm."""
        if self.is_convolutional:
            return f"{self.architecture}.dinov3_{self.training}"
        return f"{self.architecture}.{self.training}"

    @property
    def is_convolutional(self) -> bool:
        return self.architecture.startswith("convnext")


def _vit(size: str, repository: str, layers: int, training: str, *, twin: bool) -> Dinov3Model:
    architecture = f"vit_{size}_patch16_dinov3{BIASED if twin else ''}"
    return Dinov3Model(
        architecture, training, f"facebook/dinov3-{repository}-pretrain-{training}", (16,) * layers
    )


def _convnext(size: str) -> Dinov3Model:
    repository = f"facebook/dinov3-convnext-{size}-pretrain-{WEB}"
    return Dinov3Model(f"convnext_{size}", WEB, repository, (4, 8, 16, 32))


_VITS = (
    ("small", "vits16", 12),
    ("small_plus", "vits16plus", 12),
    ("base", "vitb16", 12),
    ("large", "vitl16", 24),
    ("huge_plus", "vith16plus", 32),
    ("7b", "vit7b16", 40),
)
_SATELLITE_VITS = tuple(each for each in _VITS if each[0] in ("large", "7b"))
_WITHOUT_TWIN = ("7b",)
"""The largest model has no biases at all."""

MODELS = {
    model.name: model
    for model in (
        *(_vit(*each, WEB, twin=False) for each in _VITS),
        *(_vit(*each, SATELLITE, twin=False) for each in _SATELLITE_VITS),
        *(_convnext(size) for size in ("tiny", "small", "base", "large")),
        *(_vit(*each, WEB, twin=True) for each in _VITS if each[0] not in _WITHOUT_TWIN),
        *(
            _vit(*each, SATELLITE, twin=True)
            for each in _SATELLITE_VITS
            if each[0] not in _WITHOUT_TWIN
        ),
    )
}
"""Every DINOv3 model of timm by name (Simeoni et al. 2025, arXiv 2508.10104)."""


def twin_of(name: str) -> str | None:
    """The name of the twin with biases; None if the model has none or is one."""
    model = MODELS.get(name)
    if model is None or model.is_convolutional or BIASED in name:
        return None
    twin = f"{model.architecture}{BIASED}.{model.training}"
    return twin if twin in MODELS else None


def trainings_of(name: str) -> tuple[str, ...]:
    """The training data of all models that have the same tensors as the model of a name."""
    model = MODELS[name]
    return tuple(
        each.training for each in MODELS.values() if each.architecture == model.architecture
    )


def trained_on(name: str, training: str) -> str | None:
    """The model of the same architecture with other training data; None if there is none."""
    architecture = MODELS[name].architecture
    return next(
        (
            each.name
            for each in MODELS.values()
            if (each.architecture, each.training) == (architecture, training)
        ),
        None,
    )
