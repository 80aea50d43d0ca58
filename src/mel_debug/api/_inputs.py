"""The photos and moles of a call, in each form that a caller may give, as values of the core."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from mel_debug.core.errors import MelError, UsageError
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from mel_debug.core.photo import Photo

ImageLike = Union[str, os.PathLike[str], "NDArray[np.uint8]", "Image"]
"""A photo: a path, a (height, width, 3) uint8 RGB array, or a Pillow image."""

MoleLike = str | Mole | tuple[float, float]
"""A mole: its uuid or a unique prefix of it, a `Mole`, or (x, y) in pixels of the source."""

UNNAMED = "mole"
"""The uuid of a mole that was given as (x, y)."""


@dataclass(frozen=True, slots=True)
class MarkedMole:
    """A mole and its point in each source, in the order of the sources."""

    uuid: str
    points: tuple[Point, ...]
    from_marks: bool = False

    def check_inside(self, photos: "Sequence[Photo]") -> None:
        """Raise UsageError for a point that the caller gave and MelError for a mark, if outside."""
        from mel_debug.matching.locate import check_mark

        for photo, point in zip(photos, self.points, strict=True):
            if self.from_marks:
                check_mark(self.uuid, photo, point)
            elif not (0 <= point.x < photo.size.width and 0 <= point.y < photo.size.height):
                raise UsageError(
                    f"{photo.name}: the mole at ({point.x:g}, {point.y:g}) is outside the photo of "
                    f"{photo.size} pixels; give x and y in pixels of the photo as shown"
                )


def list_sources(source: Any) -> list[Any]:
    """The sources without repetitions: several paths to one file are one source.

    Raises UsageError for an empty sequence.
    """
    several = isinstance(source, Sequence) and not isinstance(source, str | bytes)
    found: dict[Path | int, Any] = {}
    for image in source if several else [source]:
        found.setdefault(_identity(image), image)
    if not found:
        raise UsageError("no source photo is given; give at least one")
    return list(found.values())


def list_moles(moles: Any) -> list[Any]:
    """The moles of a sequence. Raises UsageError for none, or for a mole that is in no sequence."""
    one_place = isinstance(moles, tuple) and len(moles) == 2 and not _are_moles(moles)
    if isinstance(moles, str | Mole) or one_place:
        raise UsageError(f"`find_all` needs a list of moles, not {moles!r}; use [{moles!r}]")
    try:
        found = list(moles)
    except TypeError:
        raise UsageError(f"`find_all` needs a list of moles, not {moles!r}") from None
    if not found:
        raise UsageError("no mole is given; give at least one")
    return found


def _are_moles(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str | Mole | tuple) for value in values)


def marked_moles(sources: Sequence[Any], moles: Sequence[Any]) -> list[MarkedMole]:
    """Each mole with its point in every source; each marks file is read once.

    Raises UsageError for a value that is no mole, a uuid without marks on disk, or a missing marks
    file, and MelError for a uuid that is not marked in every source.
    """
    marks = None
    found = []
    for mole in moles:
        if isinstance(mole, str):
            marks = _read_marks(sources) if marks is None else marks
            found.append(_by_uuid(mole, marks))
        else:
            uuid, point = (mole.uuid, mole.point) if isinstance(mole, Mole) else _place(mole)
            found.append(MarkedMole(uuid, (point,) * len(sources)))
    return found


def open_photos(images: Sequence[Any], names: Sequence[str], *, use_masks: bool) -> "list[Photo]":
    """Photos in the order of the images, each opened once; `names` are for those without a path.

    Raises UsageError for a value that is no photo, and as `read_photo` and `photo_of_image` do.
    """
    opened: dict[Path | int, Photo] = {}
    photos = []
    for image, name in zip(images, names, strict=True):
        key = _identity(image)
        if key not in opened:
            opened[key] = _open_photo(image, name, use_mask=use_masks)
        photos.append(opened[key])
    return photos


def _identity(image: Any) -> Path | int:
    """A key that is equal for the same file, or for the same object in memory."""
    from mel_debug.files.beside import real_path

    return real_path(Path(image)) if isinstance(image, str | os.PathLike) else id(image)


def _place(mole: Any) -> tuple[str, Point]:
    try:
        x, y = mole
        return UNNAMED, Point(float(x), float(y))
    except (TypeError, ValueError):
        raise UsageError(
            f"a mole is a uuid, a `Mole` or (x, y) in pixels of the source, not {mole!r}"
        ) from None


def _read_marks(sources: Sequence[Any]) -> list[tuple[Path, list[Mole]]]:
    from mel_debug.files.marks import read_moles

    for source in sources:
        if not isinstance(source, str | os.PathLike):
            raise UsageError(
                "a uuid is read from the marks beside a source file, and an image in memory has "
                "none; give the mole as (x, y)"
            )
    paths = [Path(source) for source in sources]
    return [(path, read_moles(path)) for path in paths]


def _by_uuid(prefix: str, marks: Sequence[tuple[Path, list[Mole]]]) -> MarkedMole:
    from mel_debug.files.marks import find_mole, full_uuid

    uuid = full_uuid(prefix, [mole for _, moles in marks for mole in moles])
    points = tuple(find_mole(uuid, moles, path).point for path, moles in marks)
    return MarkedMole(uuid, points, from_marks=True)


def _open_photo(image: Any, name: str, *, use_mask: bool) -> "Photo":
    if isinstance(image, str | os.PathLike):
        from mel_debug.files.photos import read_photo

        return read_photo(Path(image), use_mask=use_mask)
    import numpy as np

    if isinstance(image, np.ndarray):
        return _photo_of_array(image, name)
    from PIL import Image

    if isinstance(image, Image.Image):
        from mel_debug.files.photos import photo_of_image

        return photo_of_image(image, name)
    raise UsageError(
        f"{name}: a photo is a path, a (height, width, 3) uint8 RGB array or a Pillow image, "
        f"not an object of type {type(image).__name__}"
    )


def _photo_of_array(array: "NDArray[np.uint8]", name: str) -> "Photo":
    from mel_debug.core.limits import too_large
    from mel_debug.core.photo import Photo

    advice = _array_advice(array)
    if advice is not None:
        shape = " x ".join(map(str, array.shape))
        raise UsageError(
            f"{name}: a photo as an array is (height, width, 3) uint8 RGB, not {array.dtype} of "
            f"{shape}; {advice}"
        )
    reason = too_large(array.shape[1], array.shape[0])
    if reason is not None:
        raise MelError(f"{name} {reason}")
    return Photo.of(array, name=name)


def _array_advice(array: "NDArray[np.uint8]") -> str | None:
    """How to convert an array that is no photo; None for a photo."""
    is_image = array.ndim == 3
    faults = {
        "it is empty": not array.size,
        "for a grey image, use np.stack([grey] * 3, axis=-1)": array.ndim == 2,
        "for RGBA, leave out the last channel with rgba[..., :3]": is_image and array.shape[2] == 4,
        "put the channels last with np.moveaxis(array, 0, -1)": (
            is_image and array.shape[0] == 3 != array.shape[2]
        ),
        "give one image with three channels": not is_image or array.shape[2] != 3,
        "scale it to 0 to 255 and use .astype(np.uint8)": array.dtype != "uint8",
    }
    return next((advice for advice, is_fault in faults.items() if is_fault), None)
