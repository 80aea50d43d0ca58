"""What the page shows of its photos before anything is computed: names, sizes and sessions."""

from typing import Any

from mel_debug.core.escape import escaped
from mel_debug.page.album import Album


def album_json(album: Album) -> dict[str, Any]:
    """The photos in their order; a session is the folder that a photo is in.

    `label` is the shortest name that tells a photo from those of other sessions.
    """
    sessions = [escaped(path.absolute().parent.name) for path in album.paths]
    several = len(set(sessions)) > 1
    return {
        "photos": [
            {
                "number": number,
                "name": escaped(path.name),
                "session": session,
                "label": f"{session} / {escaped(path.name)}" if several else escaped(path.name),
                "width": album.size(number).width,
                "height": album.size(number).height,
            }
            for number, (path, session) in enumerate(zip(album.paths, sessions, strict=True))
        ]
    }
