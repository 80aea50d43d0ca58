"""scikit-image's stereo pair as labelled photos: real, with exact truth, and in a package.

`skimage.data.stereo_motorcycle` has two rectified photos of a workshop and the disparity of each
pixel of the left one (Scharstein et al. 2014, "High-Resolution Stereo Datasets with
Subpixel-Accurate Ground Truth"). It has no skin: what is compared is how well features match.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point
from mel_debug.core.mole import Mole
from mel_debug.files.marks import moles_text

POINTS = 60
"""The most corners that are marked."""

APART = 20
"""Pixels between two corners."""

BORDER = 12
"""Pixels from the border of either photo in which nothing is marked."""


def write_stereo(folder: Path) -> Path:
    """Write both photos and their marks, if they are missing, and return the folder.

    Raises MelError if this scikit-image does not carry the pair.
    """
    if (folder / "right.png.json").exists():
        return folder
    from skimage.data import stereo_motorcycle

    try:
        left, right, disparity = stereo_motorcycle()
    except Exception as error:
        raise MelError(
            "this scikit-image has no stereo pair (skimage.data.stereo_motorcycle: "
            f"{error or type(error).__name__}); leave out --stereo"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    here = corners(left, visible(disparity))
    for name, picture, shift in (("left", left, 0), ("right", right, 1)):
        Image.fromarray(picture).save(folder / f"{name}.png")
        marks = [
            Mole(f"{number:08x}{0:024x}", Point(x + 0.5 - shift * float(disparity[y, x]), y + 0.5))
            for number, (x, y) in enumerate(here)
        ]
        (folder / f"{name}.png.json").write_text(moles_text(marks))
    return folder


def visible(disparity: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels of the left photo that the right one shows, and whose disparity is known.

    A pixel is hidden if one of the same row with a larger disparity, so nearer, lands on it.
    """
    height, width = disparity.shape
    known = np.isfinite(disparity)
    nearest = np.full((height, width), -np.inf, np.float32)
    rows, columns = np.nonzero(known)
    values = disparity[rows, columns]
    landing = np.round(columns - values).astype(int)
    inside = (landing >= BORDER) & (landing < width - BORDER)
    rows, columns, values, landing = (each[inside] for each in (rows, columns, values, landing))
    np.maximum.at(nearest, (rows, landing), values)
    wide = cv2.dilate(nearest, np.ones((1, 3), np.uint8))
    shown = np.zeros((height, width), bool)
    shown[rows, columns] = values >= wide[rows, landing] - 1
    return shown


def corners(picture: Any, allowed: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Columns and rows of the strongest corners in the allowed pixels."""
    mask = allowed.astype(np.uint8) * 255
    mask = cv2.erode(mask, np.ones((5, 5), np.uint8))
    mask[:BORDER], mask[-BORDER:], mask[:, :BORDER], mask[:, -BORDER:] = 0, 0, 0, 0
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    found = cv2.goodFeaturesToTrack(grey, POINTS, 0.01, APART, mask=mask)
    return [(round(float(x)), round(float(y))) for x, y in found.reshape(-1, 2)]
