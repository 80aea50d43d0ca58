"""`mel-debug new-plugin`: a complete plugin package from a template."""

import shlex
from pathlib import Path

import click


@click.command("new-plugin")
@click.argument("name")
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path)
)
def command(name: str, folder: Path | None) -> None:
    """Create a plugin package from a template.

    NAME is the package's name, such as mel-debug-freckle. DIR is the folder to create, by default
    NAME; it may exist but must be empty. The package contains a minimal extractor,
    resolver, matcher, renderer, preset and command, with tests.
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
