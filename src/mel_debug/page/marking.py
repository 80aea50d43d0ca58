"""The marks of the page's photos: reading them, changing them, undoing that."""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from mel_debug.core.errors import MelError, UsageError, text_of
from mel_debug.core.geometry import Point
from mel_debug.files.marks import REJECTED, marks_path
from mel_debug.marking.changing import edit_marks
from mel_debug.marking.edits import (
    Accept,
    Add,
    Edit,
    MarkChangedError,
    Move,
    Reject,
    Restore,
    Unsure,
)
from mel_debug.marking.marks import Mark, read_photo_marks
from mel_debug.marking.runs import Run
from mel_debug.marking.undoing import undo_last_step
from mel_debug.page.album import Album
from mel_debug.page.requests import body_of, number_in, point_in, text_in

SHORT = 8
"""Characters of a uuid on the page, at most."""

VERDICTS: dict[str, Callable[[Mark], Edit]] = {"accept": Accept, "reject": Reject, "unsure": Unsure}


@dataclass(slots=True)
class Marking:
    """The marks of the photos of an album; changes are steps of one run in the undo log."""

    album: Album
    run: Run
    read_only: bool = False
    _labels: list[str] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock)

    def routes(self) -> list[BaseRoute]:
        """The routes that read marks and change them."""
        changes = {"add": self._add, "judge": self._judge, "move": self._move, "undo": self._undo}
        return [
            Route("/api/marks", self._marks),
            *(
                Route(f"/api/marks/{name}", self._changing(change), methods=["POST"])
                for name, change in changes.items()
            ),
        ]

    def as_json(self) -> dict[str, Any]:
        """All marks by the number of their photo, and what the next undo takes back."""
        photos = {str(n): self._photo_json(path) for n, path in enumerate(self.album.paths)}
        return {"photos": photos, "undo": self._labels[-1] if self._labels else None}

    def state(self) -> list[tuple[int, int, int]]:
        """Something that differs after any file of marks has changed."""
        return [
            status
            for photo in self.album.paths
            for stem in (None, REJECTED)
            for status in _status(photo, stem)
        ]

    @staticmethod
    def _photo_json(photo: Path) -> dict[str, Any]:
        try:
            found = read_photo_marks(photo)
        except MelError as error:
            return {"marks": [], "error": text_of(error)}
        rejected = [_mark_json(mark, "rejected") for mark in found.rejected]
        return {"marks": [_mark_json(mark, _outcome(mark)) for mark in found.marks] + rejected}

    async def _marks(self, _: Request) -> Response:
        return JSONResponse(await run_in_threadpool(self.as_json))

    def _changing(self, change: Any) -> Any:
        async def handler(request: Request) -> Response:
            if self.read_only:
                return JSONResponse({"error": "This page only shows marks."}, 403)
            asked = await body_of(request)
            return await run_in_threadpool(self._changed, change, asked)

        return handler

    def _changed(self, change: Any, asked: Mapping[str, Any]) -> Response:
        try:
            with self._lock:
                change(asked)
        except MarkChangedError as error:
            answer = {"error": text_of(error), "changed": True, "marks": self.as_json()}
            return JSONResponse(answer, 409)
        return JSONResponse(self.as_json())

    def _add(self, asked: Mapping[str, Any]) -> None:
        """Mark a mole in one or more photos; without a uuid it is a new mole."""
        places = asked.get("places")
        if not isinstance(places, list) or not 0 < len(places) <= len(self.album.paths):
            raise UsageError("places is not a list of places")
        uuid = text_in(asked, "uuid") or uuid4().hex
        edits: dict[Path, list[Edit]] = {}
        for place in places:
            if not isinstance(place, dict):
                raise UsageError("a place is not an object")
            photo, point = self._place(place)
            edits.setdefault(photo, []).append(Add(uuid, point))
        self._apply(f"mark {uuid[:SHORT]}", edits)

    def _judge(self, asked: Mapping[str, Any]) -> None:
        """Accept or reject a mark, or be unsure about it."""
        verdict = text_in(asked, "verdict")
        if verdict not in VERDICTS:
            raise UsageError(f"verdict is one of {', '.join(VERDICTS)}")
        seen, was_rejected = _seen(asked)
        edits: list[Edit] = [Restore(seen)] if was_rejected else []
        if not (was_rejected and verdict == "reject"):
            edits.append(VERDICTS[verdict](seen))
        self._apply(f"{verdict} {seen.uuid[:SHORT]}", {self._path(asked): edits})

    def _move(self, asked: Mapping[str, Any]) -> None:
        photo, point = self._place(asked)
        seen, _ = _seen(asked)
        self._apply(f"move {seen.uuid[:SHORT]}", {photo: [Move(seen, point)]})

    def _undo(self, _: Mapping[str, Any]) -> None:
        if not self._labels or undo_last_step(self.run) is None:
            raise UsageError("There is nothing to undo.")
        self._labels.pop()

    def _apply(self, label: str, edits: Mapping[Path, Sequence[Edit]]) -> None:
        edit_marks(self.run, edits)
        self._labels.append(label)

    def _path(self, asked: Mapping[str, Any]) -> Path:
        number = number_in(asked, "photo")
        if not 0 <= number < len(self.album.paths):
            raise UsageError(f"there is no photo {number}")
        return self.album.paths[number]

    def _place(self, asked: Mapping[str, Any]) -> tuple[Path, Point]:
        """A photo and a point inside it. Raises UsageError for a point outside."""
        path, point = self._path(asked), point_in(asked)
        size = self.album.size(asked["photo"])
        if not (0 <= point.x < size.width and 0 <= point.y < size.height):
            raise UsageError(f"({point.x:g}, {point.y:g}) is outside the photo")
        return path, point


def _outcome(mark: Mark) -> str:
    if mark.is_canonical:
        return "accepted"
    return "unsure" if mark.is_unsure else "open"


def _mark_json(mark: Mark, outcome: str) -> dict[str, Any]:
    return {
        "uuid": mark.uuid,
        "x": mark.point.x,
        "y": mark.point.y,
        "outcome": outcome,
        "canonical": mark.is_canonical,
        "unsure": mark.is_unsure,
        "confidence": mark.confidence,
    }


def _seen(asked: Mapping[str, Any]) -> tuple[Mark, bool]:
    """The mark as the page shows it, and whether it is a rejected one. Raises UsageError."""
    seen = asked.get("seen")
    if not isinstance(seen, dict):
        raise UsageError("seen is not a mark")
    uuid, confidence = text_in(seen, "uuid"), seen.get("confidence")
    if uuid is None or not (confidence is None or _is_finite(confidence)):
        raise UsageError("seen is not a mark")
    canonical, unsure = seen.get("canonical") is True, seen.get("unsure") is True
    sure = None if confidence is None else float(confidence)
    return Mark(uuid, point_in(seen), canonical, sure, unsure), seen.get("outcome") == "rejected"


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _status(photo: Path, stem: str | None) -> list[tuple[int, int, int]]:
    try:
        status = marks_path(photo, stem).stat()
    except (OSError, MelError):
        return [(0, 0, 0)]
    return [(status.st_ino, status.st_size, status.st_mtime_ns)]
