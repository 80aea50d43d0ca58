"""`mel-debug dino3-map`: find one mole in one photo and draw the match."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.builtin.defaults import RENDERER
from mel_debug.cli.completion import installed
from mel_debug.cli.options import (
    force_option,
    json_option,
    min_confidence_option,
    no_mask_option,
    photo_file,
)
from mel_debug.cli.stage_options import (
    config_from,
    extractor_options,
    matcher_options,
)
from mel_debug.console.progress import show_progress
from mel_debug.console.terminal import echo_line

if TYPE_CHECKING:
    from mel_debug.api import FoundMole
    from mel_debug.core.types import Confidence

EXIT_UNCERTAIN = 3
"""Exit code of `--strict` if the match is uncertain; the picture is written all the same."""

SHORT = 6
"""Characters of a uuid that are printed."""


@click.command("dino3-map")
@click.argument("output_jpg", type=click.Path(path_type=Path))
@click.argument("target_jpg", type=photo_file)
@click.argument("target_uuid")
@click.argument("src_jpg", type=photo_file, nargs=-1, required=True)
@extractor_options
@matcher_options
@click.option(
    "--renderer",
    default=RENDERER,
    show_default=True,
    metavar="NAME",
    shell_complete=installed("renderers"),
    help="Renderer that draws the result; `mel-debug plugins` lists them.",
)
@min_confidence_option
@click.option("--strict", is_flag=True, help="Exit with code 3 if the match is uncertain.")
@click.option(
    "--candidates",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Also list the N best distinct positions and their scores.",
)
@no_mask_option
@force_option
@click.option("-v", "--verbose", is_flag=True, help="Also print scores and other evidence.")
@json_option
def command(
    output_jpg: Path,
    target_jpg: Path,
    target_uuid: str,
    src_jpg: tuple[Path, ...],
    *,
    no_mask: bool,
    as_json: bool,
    min_confidence: float,
    strict: bool,
    candidates: int,
    force: bool,
    verbose: bool,
    **stages: Any,
) -> None:
    """Find a marked mole in another photo and draw where it is.

    TARGET_UUID is the mole's uuid or a unique prefix of it. The mole must be marked in every
    SRC_JPG (marks are read from SRC_JPG.json); give several to combine their views of it.
    OUTPUT_JPG will show TARGET_JPG with similar regions in red and a cross on the best match:
    green, or dashed amber if the match is uncertain. A picture from an earlier run is replaced; any
    other file only with --force.
    """
    from mel_debug.files.outputs import OutputGuard

    weights = (stages["weights"],) if stages["weights"] else ()
    guard = OutputGuard((target_jpg, *src_jpg, *weights), force)
    guard.check_picture(output_jpg)

    from mel_debug.api import Finder
    from mel_debug.files.pictures import check_picture_path

    finder = Finder(
        config_from(**stages),
        min_confidence=min_confidence,
        use_masks=not no_mask,
        progress=show_progress,
    )
    check_picture_path(output_jpg)
    echo_line(f"Looking for {target_uuid} with {finder.description} ...", err=True)
    found = finder.find(src_jpg, target_uuid, target_jpg)
    found.save(output_jpg, guard=guard)
    report = report_of(found, target_jpg, output_jpg)
    if candidates:
        report["candidates"] = [
            {"x": place.x, "y": place.y, "score": score}
            for place, score in found.candidates(candidates)
        ]
    texts = [] if as_json else text_lines(report, found.confidence, verbose=verbose)
    lines = [json.dumps(report)] if as_json else texts
    for line in lines:
        echo_line(line)
    if strict and report["uncertain"]:
        raise SystemExit(EXIT_UNCERTAIN)


def report_of(found: "FoundMole", target: Path, output: Path) -> dict[str, Any]:
    """Return what `--json` prints.

    x and y are pixels of the target; (0, 0) is the outer corner of its first pixel.
    """
    match, sure, run = found.match, found.confidence, found.run
    low, high = match.similarity_range
    scaled = match.grid.scaled
    return {
        "uuid": match.uuid,
        "target": str(target),
        "sources": [view.features.photo.name for view in found.query.views],
        "x": match.best.x,
        "y": match.best.y,
        "confidence": sure.probability,
        "radius_px": sure.radius_px,
        "absent": sure.absent,
        "uncertain": sure.uncertain,
        "reason": sure.reason,
        "calibrated": sure.calibrated,
        "spot_at_mark": found.blob.at_mark,
        "spot_at_match": found.blob.at_match,
        "score": match.score,
        "similarity_min": low,
        "similarity_max": high,
        "refined_score": match.refined_score,
        "extractor": run.extractor.name,
        "matcher": run.matcher.name,
        "method": match.method,
        "preset": run.preset,
        "image_size": run.image_size or scaled.longest,
        "scaled_size": [scaled.width, scaled.height],
        "cycle_error_px": match.cycle_error_px,
        "moves_px": list(match.moves_px),
        "support": {name: measured.value for name, measured in match.support.items()},
        "notes": [*match.notes, *found.hints],
        "details": [*match.details],
        "output": str(output),
    }


def text_lines(report: dict[str, Any], sure: "Confidence", *, verbose: bool) -> list[str]:
    """Return the report as text: the match, the picture, and any candidates and details."""
    return [
        answer_line(report, sure),
        *reason_lines(report),
        f"picture: {report['output']}",
        *(
            f"  {number}. ({place['x']:.1f}, {place['y']:.1f})  {place['score']:.3f}"
            for number, place in enumerate(report.get("candidates", ()), start=1)
        ),
        *(detail_lines(report) if verbose else ()),
    ]


def answer_line(report: dict[str, Any], sure: "Confidence") -> str:
    """Return one line with the mole, the photo, the position and its confidence.

    A mole that is probably not there has no position.
    """
    from mel_debug.confidence.words import numbers, verdict

    place = None if sure.probably_absent else f"({report['x']:.0f}, {report['y']:.0f})"
    answer = "   ".join(part for part in (place, verdict(sure), numbers(sure)) if part)
    return "  ".join([report["uuid"][:SHORT], Path(report["target"]).name, answer])


def reason_lines(report: dict[str, Any]) -> list[str]:
    """Return why the match is uncertain, and the notes on the search."""
    lines = []
    if not report["calibrated"]:
        lines.append(
            f"the confidence is a rule of thumb: there is no calibration for {report['extractor']} "
            f"with {report['matcher']}"
        )
    elif report["reason"]:
        lines.append(report["reason"])
    return [f"  {line}" for line in [*lines, *report["notes"]]]


def detail_lines(report: dict[str, Any]) -> list[str]:
    """Return scores and other evidence, for `--verbose`."""
    scores = (
        f"{report['matcher']} score {report['score']:.3f} "
        f"(all cells: {report['similarity_min']:.3f} to {report['similarity_max']:.3f})"
    )
    details = [f"exact position ({report['x']:.1f}, {report['y']:.1f})", scores]
    if report["absent"] is not None:
        details.append(f"probability that the mole is absent {report['absent']:.2f}")
    if report["refined_score"] is not None:
        details.append(f"similarity at native resolution {report['refined_score']:.3f}")
    if report["cycle_error_px"] is not None:
        details.append(f"cycle error {report['cycle_error_px']:.1f} px")
    if report["moves_px"]:
        moves = ", ".join(f"{move:.1f}" for move in report["moves_px"])
        details.append(f"refinements moved the position by {moves} px")
    details += [f"{name} {value:.4g}" for name, value in report["support"].items()]
    details += report["details"]
    return [f"  {line}" for line in details]
