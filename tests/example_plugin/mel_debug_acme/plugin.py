"""What Acme offers. Hooks are asked often, so what an offer takes is imported when it is built."""

import click

from mel_debug.core.stages import (
    BuildOptions,
    FeatureExtractor,
    Matcher,
    Option,
    Renderer,
    StageSpec,
)
from mel_debug.plugin import hookimpl

PATCH = 14


@hookimpl
def mel_extractors() -> list[StageSpec[FeatureExtractor]]:
    # People set an option with `-o gamma 0.5`; what is no number above 0 is refused for us.
    gamma = Option("gamma", 1.0, "below 1 tells dark colours apart better", above=0)
    return [
        StageSpec(
            "acme-colour",
            f"mean and spread of the colours of {PATCH} px patches",
            build=_colour,
            options=(gamma,),
            patch=PATCH,
            image_size=64 * PATCH,
        )
    ]


@hookimpl
def mel_matchers() -> list[StageSpec[Matcher]]:
    balance = Option("balance", True, "let each number count by how much it varies")
    return [
        StageSpec(
            "acme-manhattan", "negative sum of differences", build=_manhattan, options=(balance,)
        )
    ]


@hookimpl
def mel_renderers() -> list[StageSpec[Renderer]]:
    radius = Option("radius", 2.5, "of the spot, in cells", minimum=0.5)
    return [StageSpec("acme-spot", "a light on the best match", build=_spot, options=(radius,))]


@hookimpl
def mel_commands() -> list[click.Command]:
    return [info]


def _colour(options: BuildOptions) -> FeatureExtractor:
    from mel_debug_acme.colour import Colours

    return Colours(PATCH, options["gamma"])


def _manhattan(options: BuildOptions) -> Matcher:
    from mel_debug_acme.manhattan import Manhattan

    return Manhattan(options["balance"])


def _spot(options: BuildOptions) -> Renderer:
    from mel_debug_acme.spot import Spot

    return Spot(options["radius"])


@click.command("acme-info")
def info() -> None:
    """Say what Acme looks at."""
    click.echo(f"Acme describes a patch of {PATCH} px by 6 numbers.")
