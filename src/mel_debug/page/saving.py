"""One self-contained page: photos, features, maps, marks and answers, without a server."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mel_debug.core.errors import MelError
from mel_debug.core.geometry import Point, Size
from mel_debug.files.atomic import write_atomically
from mel_debug.files.marker import PAGE_MARK
from mel_debug.files.outputs import OutputGuard
from mel_debug.marking.runs import Run
from mel_debug.page.album import Album
from mel_debug.page.answers import answer_of
from mel_debug.page.finding import PageFinder, SampledMap, run_of
from mel_debug.page.marking import Marking
from mel_debug.page.summary import album_json

if TYPE_CHECKING:
    from mel_debug.plugins.config import RunConfig

MODULES = (
    "elements.js",
    "geometry.js",
    "features.js",
    "store.js",
    "saved.js",
    "viewer.js",
    "layer.js",
    "list.js",
    "keys.js",
    "compare.js",
    "overlay.js",
    "pair.js",
    "finding.js",
    "reviewing.js",
    "page.js",
    "controls.js",
    "main.js",
)
"""The scripts of the page, each after those that it imports from."""

CROP_SHARE = 1 / 10
"""Side of a saved crop as a share of the longer side: the page shows 1/16, which may be turned."""

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let) )", re.MULTILINE)


def save_page(
    photos: Sequence[Path],
    output: Path,
    *,
    settings: "RunConfig | Mapping[str, Any]",
    guard: OutputGuard,
    use_masks: bool = True,
) -> None:
    """Write one HTML file that shows the photos, with the places of all marked moles.

    Raises MelError, among others for an output that must not be replaced.
    """
    guard.check_page(output)
    run = run_of(settings)
    album = Album(tuple(photos), use_masks)
    finder = PageFinder(run, album)
    marking = Marking(album, Run("save"), read_only=True)
    facts = {"mode": "explore", "readOnly": True, "model": run.extractor.name}
    data = _Content(album, finder, marking.as_json()).as_json()
    data["album"] = {**album_json(album), **facts}
    guard.check_page(output)
    write_atomically(output, page_of(data).encode())


def page_of(data: dict[str, Any]) -> str:
    """The whole page as HTML; its policy allows only its own script and style, and no request."""
    static = files("mel_debug.page") / "static"
    page, style = (static / name for name in ("index.html", "page.css"))
    script, css = bundle(), style.read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(css)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    html = page.read_text(encoding="utf-8")
    html = re.sub(r"[ ]*<(?:link|script)\b[^>]*>(?:</script>)?\n", "", html)
    head = (
        f'{PAGE_MARK}<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<style>{css}</style>"
    )
    body = (
        f'<script type="application/json" id="saved">{_embedded(data)}</script>'
        f'<script type="module">{script}</script>'
    )
    html = html.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />{head}', 1)
    return html.replace("</body>", f"{body}</body>", 1)


def bundle() -> str:
    """All scripts as one, in a scope of their own: no top-level name occurs in two of them."""
    static = files("mel_debug.page") / "static"
    texts = [(static / name).read_text(encoding="utf-8") for name in MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


class _Content:
    """What a saved page knows of its photos."""

    def __init__(self, album: Album, finder: PageFinder, marks: dict[str, Any]) -> None:
        self.album, self.finder, self.marks = album, finder, marks
        self.numbers = range(len(album.paths))
        self.crops: list[dict[str, Any]] = []

    def as_json(self) -> dict[str, Any]:
        """Searches all marked moles of each photo in each other; raises MelError."""
        features = [_base64(self.finder.features(number).as_bytes()) for number in self.numbers]
        for number in self.numbers:
            for mark in self._marks(number):
                self._crop(number, Point(mark["x"], mark["y"]))
        maps, answers = {}, {}
        for source, target in permutations(self.numbers, 2):
            sampled = self.finder.sampled_map(source, target)
            maps[f"{source}/{target}"] = None if sampled is None else sampled.as_json()
            for mark in self._marks(source):
                answers[f"{source}/{target}/{mark['uuid']}"] = self._answer(
                    source, target, mark, sampled
                )
        return {
            "marks": self.marks,
            "previews": [_base64(self.album.preview(number)) for number in self.numbers],
            "features": features,
            "maps": maps,
            "answers": {name: answer for name, answer in answers.items() if answer is not None},
            "crops": self.crops,
        }

    def _marks(self, number: int) -> Iterator[dict[str, Any]]:
        marks = self.marks["photos"][str(number)]["marks"]
        return (mark for mark in marks if mark["outcome"] != "rejected")

    def _answer(
        self, source: int, target: int, mark: dict[str, Any], sampled: SampledMap | None
    ) -> dict[str, Any] | None:
        """The place of a mole, with a crop; None if it can't be searched."""
        point = Point(mark["x"], mark["y"])
        try:
            answer = answer_of(self.finder.find(source, point, target, mark["uuid"]))
        except MelError:
            return None
        scale = 1.0 if sampled is None else sampled.scale_at(point)
        self._crop(target, Point(answer["x"], answer["y"]), scale)
        return answer

    def _crop(self, number: int, point: Point, scale: float = 1.0) -> None:
        """Add the skin around a point, unless there is a crop of it already."""
        longest = self.album.size(number).longest
        side = max(1, round(longest * CROP_SHARE * float(np.clip(scale, 0.3, 3))))
        x, y = round(point.x - side / 2), round(point.y - side / 2)
        for crop in self.crops:
            part = crop["part"]
            apart = max(abs(part["x"] - x), abs(part["y"] - y))
            if crop["photo"] == number and apart <= 2 and part["width"] >= side:
                return
        part = {"x": x, "y": y, "width": side, "height": side}
        jpeg = self.album.region(number, x, y, Size(side, side))
        self.crops.append({"photo": number, "part": part, "jpeg": _base64(jpeg)})


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _embedded(data: Any) -> str:
    """JSON that cannot end the element that it is in."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
