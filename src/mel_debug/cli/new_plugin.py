"""`mel-debug new-plugin`: a complete package to start from."""

import shlex
from pathlib import Path

import click


@click.command("new-plugin")
@click.argument("name")
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path)
)
def command(name: str, folder: Path | None) -> None:
    """Write the package of a new plugin, to start from.

    NAME is that of the package, such as mel-debug-freckle, and DIR where to write it, by default
    a folder of that name. The package has an extractor, a matcher, a renderer, a preset and a
    command of a few lines each, and tests. DIR may not hold files yet.
    """
    from mel_debug.core.escape import escaped
    from mel_debug.scaffold.package import write_plugin

    folder, files = write_plugin(name, folder)
    click.echo(f"wrote the package {name} to {escaped(str(folder))} ({len(files)} files); next:")
    for words in (
        ["python", "-m", "pip", "install", "-e", f"{folder}[test]"],
        ["python", "-m", "pytest", str(folder)],
        ["mel-debug", "plugins"],
    ):
        click.echo(f"  {escaped(shlex.join(words))}")
