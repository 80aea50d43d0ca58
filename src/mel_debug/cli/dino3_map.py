"""`mel-debug dino3-map`: find one mole in one photo and draw where."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mel_debug.cli.options import (
    config_from,
    extractor_options,
    json_option,
    matcher_options,
    min_confidence_option,
    no_mask_option,
    photo_file,
    show_progress,
)

if TYPE_CHECKING:
    from mel_debug.core.types import Mole
    from mel_debug.matching.locate import Located
    from mel_debug.plugins.config import ResolvedRun

EXIT_UNCERTAIN = 3
"""What `--strict` ends with when the match is uncertain; the picture is written all the same."""


@click.command("dino3-map")
@click.argument("output_jpg", type=click.Path(path_type=Path))
@click.argument("target_jpg", type=photo_file)
@click.argument("target_uuid")
@click.argument("src_jpg", type=photo_file, nargs=-1, required=True)
@extractor_options
@matcher_options
@click.option(
    "--renderer",
    default="heatmap",
    show_default=True,
    metavar="NAME",
    help="Any renderer that `mel-debug plugins` lists.",
)
@min_confidence_option
@click.option("--strict", is_flag=True, help="Exit with code 3 if the match is uncertain.")
@click.option(
    "--candidates",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Also list the N best distinct places and their scores.",
)
@no_mask_option
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
    **stages: Any,
) -> None:
    """Find a marked mole in another photo and draw where.

    TARGET_UUID is the mole's uuid, or a unique start of it. It must be marked in every SRC_JPG (the
    marks are read from SRC_JPG.json); several of them search together. OUTPUT_JPG gets TARGET_JPG
    with what is alike in red and a cross on the best match: a green one, or a dashed amber one with
    a circle where the match is uncertain.
    """
    marks = read_marks(target_uuid, src_jpg)

    from mel_debug.plugins.config import resolve

    choice = resolve(config_from(**stages))

    from mel_debug.files.pictures import check_picture_path

    check_picture_path(output_jpg)
    located = search(choice, marks, target_jpg, not no_mask, min_confidence)
    draw(choice, located, output_jpg)
    report = report_of(choice, located, target_jpg, src_jpg, output_jpg)
    if candidates:
        report["candidates"] = candidates_of(located, candidates)
    click.echo(json.dumps(report) if as_json else as_text(report))
    if strict and report["uncertain"]:
        raise SystemExit(EXIT_UNCERTAIN)


def read_marks(wanted: str, sources: tuple[Path, ...]) -> list[tuple[Path, "Mole"]]:
    """The mole in each source, found by its uuid or a prefix. Raises MelError."""
    from mel_debug.files.marks import find_mole, full_uuid, read_moles

    marked = [(source, read_moles(source)) for source in sources]
    uuid = full_uuid(wanted, [mole for _, moles in marked for mole in moles])
    return [(source, find_mole(uuid, moles, source)) for source, moles in marked]


def search(
    choice: "ResolvedRun",
    marks: list[tuple[Path, "Mole"]],
    target: Path,
    use_masks: bool,
    min_confidence: float,
) -> "Located":
    """Build the stages and run them; each photo is opened once, whatever its role."""
    from mel_debug.files.photos import read_photo
    from mel_debug.matching.locate import check_mark, locate

    paths = {path.resolve(): path for path in (*(source for source, _ in marks), target)}
    photos = {key: read_photo(path, use_mask=use_masks) for key, path in paths.items()}
    sightings = [(photos[source.resolve()], mole.point) for source, mole in marks]
    uuid = marks[0][1].uuid
    for photo, point in sightings:
        check_mark(uuid, photo, point)
    size = "full size" if choice.image_size is None else f"{choice.image_size} px"
    click.echo(f"Looking for {uuid} with {choice.extractor.name} at {size} ...", err=True)
    judge = choice.judge(min_confidence)
    features = choice.build_features(show_progress, list(photos.values()))
    matcher = choice.build_matcher()
    return locate({uuid: sightings}, photos[target.resolve()], features, matcher, judge)


def draw(choice: "ResolvedRun", located: "Located", output: Path) -> None:
    """Render the match and save the picture."""
    from mel_debug.files.pictures import write_picture

    (query,), (match,) = located.queries, located.matches
    write_picture(output, choice.build_renderer().render(query, located.target, match))


def report_of(
    choice: "ResolvedRun", located: "Located", target: Path, sources: tuple[Path, ...], output: Path
) -> dict[str, Any]:
    """What `--json` prints; x and y are pixels of the target, (0, 0) its outer corner."""
    (match,) = located.matches
    low, high = match.similarity_range
    scaled = match.grid.scaled
    assert match.confidence is not None  # noqa: S101 - `search` has it judged
    return {
        "uuid": match.uuid,
        "target": str(target),
        "sources": [str(source) for source in sources],
        "x": match.best.x,
        "y": match.best.y,
        "confidence": match.confidence.probability,
        "radius_px": match.confidence.radius_px,
        "uncertain": match.confidence.uncertain,
        "calibrated": match.confidence.calibrated,
        "score": match.score,
        "similarity_min": low,
        "similarity_max": high,
        "extractor": choice.extractor.name,
        "similarity": choice.matcher.name,
        "preset": choice.preset,
        "image_size": choice.image_size or scaled.longest,
        "scaled_size": [scaled.width, scaled.height],
        "cycle_error_px": match.cycle_error_px,
        "moves_px": list(match.moves_px),
        "support": dict(match.support),
        "notes": list(match.notes),
        "output": str(output),
    }


def candidates_of(located: "Located", most: int) -> list[dict[str, float]]:
    """The match and the peaks of the coarse scores, at most `most` places, best first."""
    from mel_debug.matching.locate import distinct_candidates

    (match,) = located.matches
    return [
        {"x": place.x, "y": place.y, "score": score}
        for place, score in distinct_candidates(match, most)
    ]


def as_text(report: dict[str, Any]) -> str:
    """The report as a person reads it: one line, and one more for each candidate asked for."""
    return "\n".join(
        [
            one_line(report),
            *(
                f"  {number}. ({place['x']:.1f}, {place['y']:.1f})  {place['score']:.3f}"
                for number, place in enumerate(report.get("candidates", ()), start=1)
            ),
        ]
    )


def one_line(report: dict[str, Any]) -> str:
    """The report as a person reads it."""
    parts = [
        f"{report['uuid']}: best match at ({report['x']:.1f}, {report['y']:.1f}) of "
        f"{report['target']}, {report['similarity']} {report['score']:.3f} "
        f"(all: {report['similarity_min']:.3f} to {report['similarity_max']:.3f})",
        f"{'NOT SURE, ' if report['uncertain'] else ''}confidence {report['confidence']:.2f}"
        f"{'' if report['calibrated'] else ' (not calibrated)'}, "
        f"within {report['radius_px']:.0f} px",
    ]
    if report["cycle_error_px"] is not None:
        parts.append(f"searched back {report['cycle_error_px']:.1f} px from the mole")
    if report["moves_px"]:
        moves = ", ".join(f"{move:.1f}" for move in report["moves_px"])
        parts.append(f"closer looks moved it {moves} px")
    return "; ".join([*parts, *report["notes"], f"see {report['output']}"])
