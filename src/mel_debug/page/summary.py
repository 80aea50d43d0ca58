"""What the page shows of its photos before anything is computed: names, sizes and sessions."""

from typing import Any

from mel_debug.core.escape import escaped
from mel_debug.page.album import Album


def album_json(album: Album) -> dict[str, Any]:
    """The photos in their order; a session is the folder that a photo is in."""
    return {
        "photos": [
            {
                "number": number,
                "name": escaped(path.name),
                "session": escaped(path.absolute().parent.name),
                "width": album.size(number).width,
                "height": album.size(number).height,
            }
            for number, path in enumerate(album.paths)
        ]
    }
