"""Speed of the page in a real Chromium, on two photos with a marked mole in the first.

    python benchmarks/page.py BEFORE AFTER [--extractor xfeat] [--more PHOTO ...]

Prints a table, each line as soon as it is known. With nothing cached, with cached features and with
all cached: seconds from the command to a page that can be used; of a first click at once, to its
first answer and to its final one, and the pixels between the two; until the photos were matched; of
later clicks. Then milliseconds from hover to heatmap, memory of the server, and the size of a saved
page. Beside a figure stands the bar that it should not exceed, for a pair of 25 megapixels on two
cores with nothing else to do, and for 8 photos. `--more` adds photos, for the memory of many. The
photos are copied to a temporary folder, so no mark of yours changes.
"""

import argparse
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

HOVERS, CLICKS = 60, 12

NOTHING = "nothing cached"

PATIENCE_MS = 300_000

# Pixels of the left view over which the pointer moves.
LEFT, TOP, STEP = 0.3, 0.25, 0.006

MATCHED = """(() => {
    const start = performance.now();
    void melDebug.pair.mapOf(melDebug.left, melDebug.right).then(() => {
        window.melDebugMatched = (performance.now() - start) / 1000;
    });
})()"""
"""Notes the seconds from now until the map of the two photos has arrived."""


@dataclass(frozen=True)
class Row:
    """A measured figure, its unit, and the bar that it should not exceed, if it has one."""

    label: str
    value: float
    unit: str
    bar: float | None = None

    def __str__(self) -> str:
        digits = 0 if self.value >= 100 else 1 if self.unit in ("ms", "MB") else 2
        text = f"{self.label:52}  {self.value:8.{digits}f} {self.unit:2}"
        if self.bar is None:
            return text
        kept = "met" if self.value <= self.bar else "MISSED"
        return f"{text}  bar {self.bar:g} {self.unit}: {kept}"


# Seconds until the page can be used; of a first click, and of later ones (median).
USABLE, USABLE_CACHED, FIRST_CLICK, LATER_CLICK = 12.0, 3.0, 3.0, 0.5
HOVER_MS, SERVER_MB, SAVED_MB = 16.0, 1500.0, 12.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs=2, type=Path, metavar="PHOTO")
    parser.add_argument("--more", nargs="*", type=Path, default=[], metavar="PHOTO")
    parser.add_argument("--extractor", default="xfeat")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        photos = [
            copied(photo, folder / str(n)) for n, photo in enumerate(given.photos + given.more)
        ]
        command = [sys.executable, "-m", "mel_debug", "explore", *map(str, photos)]
        command += ["--extractor", given.extractor, "--cache-dir", str(folder / "cache")]
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        path = (
            os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
        )
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        for label in (NOTHING, "features cached", "all cached"):
            if label == "features cached":
                forget_pairs(folder / "cache")
            for row in measured(browser, command, label, first=label == NOTHING):
                print(row, flush=True)
        saved = folder / "page.html"
        start = time.perf_counter()
        subprocess.run([*command[:4], *map(str, photos[:2]), *command[4 + len(photos) :], "--save",
                        str(saved)], check=True, capture_output=True)  # fmt: skip
        seconds = time.perf_counter() - start
        megabytes = saved.stat().st_size / 1e6
        print(Row("saved page of the first two photos", megabytes, "MB", SAVED_MB))
        print(Row("time to save it", seconds, "s"))


def forget_pairs(cache: Path) -> None:
    """Leave only what is cached of single photos."""
    for path in [*cache.rglob("*.pair"), *cache.rglob("*.tile")]:
        path.unlink()


def copied(photo: Path, folder: Path) -> Path:
    """The photo with its mask and marks, copied to a folder."""
    folder.mkdir()
    for path in photo.parent.glob(f"{photo.name}*"):
        shutil.copy(path, folder)
    return folder / photo.name


@contextmanager
def server(command: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server, and its link."""
    with subprocess.Popen(
        [*command, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


def measured(browser: Browser, command: list[str], label: str, *, first: bool) -> Iterator[Row]:
    """Rows of one run of the server."""
    start = time.perf_counter()
    with server(command) as (process, link):
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(link)
        page.wait_for_url("**/")
        wait_until(page, "melDebug.pair.left.preview && melDebug.pair.right.preview")
        seen = time.perf_counter() - start
        wait_until(page, "melDebug.pair.features")
        usable = time.perf_counter() - start
        yield Row(f"both photos shown, {label}", seen, "s")
        bar = USABLE if first else USABLE_CACHED
        yield Row(f"page usable (heatmaps live), {label}", usable, "s", bar)
        page.evaluate(MATCHED)
        yield from first_click(page, label)
        expect(page.locator("#panes")).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
        matched = page.evaluate("melDebugMatched")
        yield Row(f"photos matched, from a usable page on, {label}", matched, "s")
        later = statistics.median(click(page, number) for number in range(1, CLICKS))
        yield Row(f"later clicks, median of {CLICKS - 1}, {label}", later, "s", LATER_CLICK)
        if first:
            yield from hovers(page)
            yield Row("memory of the server, 2 photos (peak)", memory(process.pid), "MB")
            photos = page.evaluate("melDebug.album.photos.length")
            for number in range(2, photos):
                page.locator("#right-photo").select_option(str(number))
                expect(page.locator("#panes")).to_have_attribute(
                    "aria-busy", "false", timeout=PATIENCE_MS
                )
            label = f"memory of the server, {photos} photos (peak)"
            yield Row(label, memory(process.pid), "MB", SERVER_MB)
        page.context.close()


def wait_until(page: Page, condition: str) -> None:
    """Poll, as the page's policy allows no function that is made of a text."""
    while not page.evaluate(f"!!(window.melDebug && {condition})"):
        time.sleep(0.01)


def first_click(page: Page, label: str) -> Iterator[Row]:
    """A click at once: its first answer, which may be provisional, and its final one."""
    start = time.perf_counter()
    click(page, 0)
    yield Row(f"first click, {label}", time.perf_counter() - start, "s", FIRST_CLICK)
    place = "({x: melDebug.answer.x, y: melDebug.answer.y})"
    first = page.evaluate(place)
    wait_until(page, "melDebug.answer && !melDebug.answer.provisional")
    yield Row(f"its final answer, {label}", time.perf_counter() - start, "s")
    final = page.evaluate(place)
    moved = math.hypot(first["x"] - final["x"], first["y"] - final["y"])
    yield Row(f"from its first place to its final one, {label}", moved, "px")


def click(page: Page, number: int) -> float:
    """Seconds from a click to its first answer: of the marked moles, then of places beside them."""
    page.evaluate("melDebug.answer = null")
    asked = (
        "(() => { const marks = melDebug.marksOf(melDebug.left);"
        f" const mark = marks[{number} % marks.length];"
        f" const off = 40 * Math.floor({number} / marks.length);"
        " void melDebug.find({x: mark.x + off, y: mark.y + off}, null); })()"
    )
    start = time.perf_counter()
    page.evaluate(asked)
    wait_until(page, "melDebug.answer")
    return time.perf_counter() - start


def hovers(page: Page) -> Iterator[Row]:
    """Milliseconds that the page computes and draws for each heatmap."""
    box = page.locator("#left-view").bounding_box()
    assert box is not None
    page.evaluate("melDebug.pair.timings.length = 0")
    for number in range(HOVERS):
        share = STEP * number
        page.mouse.move(
            box["x"] + box["width"] * (LEFT + share), box["y"] + box["height"] * (TOP + share)
        )
        page.wait_for_timeout(30)
    times = sorted(page.evaluate("melDebug.pair.timings"))
    yield Row("hover to heatmap, median", statistics.median(times), "ms", HOVER_MS)
    yield Row("hover to heatmap, 95 %", times[int(0.95 * len(times))], "ms", HOVER_MS)


def memory(process: int) -> float:
    """The largest resident memory of a process so far in megabytes, on Linux."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1000


if __name__ == "__main__":
    main()
