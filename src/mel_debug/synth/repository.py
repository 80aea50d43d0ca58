"""Generated sessions as a repository in the layout of `mel`.

A photo's folder is `rotomaps/parts/PART/SUBPART/DAY`. Beside `0.jpg` are its mask, its moles, and
in `0.jpg.absent.json` the moles that would be in view but are absent in that session.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from mel_debug.core.errors import MelError
from mel_debug.files.marks import ABSENT, marks_path
from mel_debug.files.photos import mask_path

from .rendering import render
from .saved import TRUTH, marks_text, photo_files, truth_text, write_new_files
from .scene import Body, Shot
from .sessions import plan_sessions

FIRST_DAY = date(2024, 3, 2)
DAYS_BETWEEN = 91


@dataclass(frozen=True, slots=True)
class PlannedPhoto:
    """One photo to render: its file, body, shot and session."""

    path: Path
    body: Body
    shot: Shot
    session: int

    @property
    def count(self) -> int:
        """Photos that `write` writes."""
        return 1

    def exists(self) -> bool:
        """Return whether the photo, its marks or its mask exist."""
        stems = (None, ABSENT, TRUTH)
        beside = (self.path, *(marks_path(self.path, stem) for stem in stems))
        paths = (*beside, mask_path(self.path))
        return any(os.path.exists(path) for path in paths)  # noqa: PTH110 - never raises

    def write(self) -> None:
        """Render the photo and write its files. Raises UsageError if other files are in the way."""
        photo = render(self.body, self.shot, self.session)
        files = photo_files(self.path, photo) | {
            marks_path(self.path): marks_text(photo.moles),
            marks_path(self.path, ABSENT): marks_text(photo.absent),
        }
        if self.body.days:
            files[marks_path(self.path, TRUTH)] = truth_text(self.body, photo, self.session)
        write_new_files(files)


def plan_repository(  # noqa: PLR0913 - each is an option of the command
    root: Path,
    seed: int,
    *,
    photos: int,
    sessions: int,
    moles: int,
    megapixels: float,
    difficulty: float,
    absent: float,
    hard: bool = False,
    cases: tuple[str, ...] = (),
    changing: bool = False,
) -> list[PlannedPhoto]:
    """Return the photos of one person's repository, to be written one by one.

    See `plan_sessions`. Raises MelError if the body has no room for so many moles.
    """
    try:
        parts = plan_sessions(
            seed,
            photos=photos,
            sessions=sessions,
            moles=moles,
            megapixels=megapixels,
            difficulty=difficulty,
            absent=absent,
            hard=hard,
            cases=cases,
            changing=changing,
        )
    except ValueError as error:
        raise MelError(str(error)) from error
    folder = root / "rotomaps" / "parts"
    return [
        PlannedPhoto(
            folder / planned.part / planned.subpart / day_of(session) / "0.jpg",
            planned.body,
            shot,
            session,
        )
        for planned in parts
        for session, shot in enumerate(planned.shots)
    ]


def begin_repository(root: Path) -> None:
    """Create the folder and the empty file `melroot`, by which `mel` recognises a repository."""
    write_new_files({root / "melroot": b""})


def day_of(session: int) -> str:
    """Return the folder name of a session; sessions are a quarter of a year apart."""
    return f"{FIRST_DAY + session * timedelta(days=DAYS_BETWEEN):%Y_%m_%d}"
