"""Options and arguments that several commands share, apart from those for the stages."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from mel_debug.cli.places import PixelType
from mel_debug.console.numbers import FiniteRange

Command = TypeVar("Command", bound=Callable[..., Any])

photo_file = click.Path(exists=True, dir_okay=False, path_type=Path)

photo_or_folder = click.Path(exists=True, path_type=Path)


def photos_option(
    flag: str, text: str, *, required: bool = True, metavar: str = "PHOTO_OR_DIR..."
) -> Callable[[Command], Command]:
    """An option for photos and folders, such as `--reference`, whose value is `references`.

    The `...` of the metavar is right for a `ListCommand`, where several may follow one flag.
    """
    return click.option(
        flag,
        f"{flag.removeprefix('--')}s",
        type=photo_or_folder,
        multiple=True,
        required=required,
        metavar=metavar,
        help=text,
    )


_WORKERS = (
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Run in N processes on this machine, which share its cores; 1 uses this process.",
    ),
    click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Run on the Dask cluster of this scheduler, such as tcp://10.0.0.5:8786. Needs the "
        "extra `cluster`.",
    ),
)


def worker_options(command: Command) -> Command:
    """Add the options that say where many photos are processed: `mel_debug.jobs` takes both."""
    return with_options(_WORKERS, command)


def with_options(options: Iterable[Callable[[Command], Command]], command: Command) -> Command:
    """Add options to a command; its help lists them in this order."""
    for option in reversed(tuple(options)):
        command = option(command)
    return command


def at_option(*, required: bool = False) -> Callable[[Command], Command]:
    """The option for a place in a photo."""
    return click.option(
        "--at",
        type=PixelType(),
        required=required,
        metavar="X,Y",
        help="The mole's pixel in the photo as shown, counted from the left and from the top.",
    )


_PAGE = (
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=0,
        metavar="N",
        help="Port of the page on this computer.  [default: any free port]",
    ),
    click.option(
        "--browser/--no-browser",
        default=True,
        help="Open the page in the browser, or only print its address.",
    ),
    click.option("--read-only", is_flag=True, help="Do not let the page change marks."),
)


def page_options(command: Command) -> Command:
    """Add the options of commands that open the page."""
    return with_options(_PAGE, command)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
csv_option = click.option(
    "--csv", "as_csv", is_flag=True, help="Print CSV, unrounded, on standard output."
)


def check_one_format(*, as_json: bool, as_csv: bool) -> None:
    """Raise UsageError if both formats are set."""
    from mel_debug.core.errors import UsageError

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other; use one of them")


no_mask_option = click.option("--no-mask", is_flag=True, help="Ignore mask files (PHOTO.mask.png).")

force_option = click.option(
    "--force",
    is_flag=True,
    help="Replace output files even if mel-debug did not write them. Photos, marks and masks that "
    "the command reads are never replaced.",
)

min_confidence_option = click.option(
    "--min-confidence",
    type=FiniteRange(0, 1),
    default=0.5,
    show_default=True,
    metavar="P",
    help="Report matches with a lower confidence as uncertain.",
)
