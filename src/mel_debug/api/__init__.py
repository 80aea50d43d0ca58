"""Finding moles from Python: `find_mole` for one mole, a `Finder` for many."""

from mel_debug.api._inputs import ImageLike, MoleLike
from mel_debug.api.finder import Finder, find_mole
from mel_debug.api.found import Blobs, FoundMole
from mel_debug.api.settings import Settings

__all__ = ["Blobs", "Finder", "FoundMole", "ImageLike", "MoleLike", "Settings", "find_mole"]
