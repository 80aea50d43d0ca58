"""The lowest versions that are promised are the ones that `tox -e lowest` installs."""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
LOWEST = Path(__file__).with_name("lowest.txt")

BESIDE = {"torchvision==0.21.0"}
"""What timm needs beside torch, of the release that goes with the lowest torch."""


def test_the_constraints_are_the_lower_bounds_of_the_project() -> None:
    """Each dependency and each extra's, at the version after its `>=`."""
    extras = PROJECT["optional-dependencies"].values()
    bounds = [PROJECT["dependencies"], *extras]
    lowest = {re.sub(r"^([a-z-]+)>=([0-9.]+)$", r"\1==\2", one) for each in bounds for one in each}
    assert all("==" in one for one in lowest), lowest
    lines = LOWEST.read_text().splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == lowest | BESIDE
