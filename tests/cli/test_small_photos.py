"""Every command that looks at photos takes the smallest ones."""

from pathlib import Path

import pytest

from workbench import MOLE, OTHER_MOLE, mark, run, save, skin

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("only_builtins")]

COMMANDS = {
    "find": ("find", "{before}", "{after}", "--mole", MOLE, "-o", "{folder}/out.png"),
    "dino3-map": ("dino3-map", "{folder}/out.png", "{after}", MOLE, "{before}"),
    "automark3": ("automark3", "--reference", "{before}", "--target", "{after}"),
    "changes": ("changes", "--reference", "{before}", "--target", "{after}"),
    "history": ("history", MOLE, "{before}", "{after}", "--strip", "{folder}/out.png"),
    "explore": ("explore", "{before}", "{after}", "--save", "{folder}/out.html"),
    "precalc": ("precalc", "{before}", "{after}"),
}


@pytest.mark.parametrize("size", [(1, 1), (700, 1), (1, 700), (15, 15)], ids=str)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_takes_photos_of_any_size(
    tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    """Both as the photo with the marks and as the other."""
    (tmp_path / "photos").mkdir()
    small = save(skin(*size), tmp_path / "photos" / "small.png")
    usual = save(skin(320, 240), tmp_path / "photos" / "usual.png")
    mark(small, (MOLE, 0, 0))
    for before, after in ((small, usual), (usual, small)):
        texts = {"before": before, "after": after, "folder": tmp_path}
        arguments = [part.format(**texts) for part in COMMANDS[name]]
        outcome = run(*arguments, "--extractor", "xfeat", "--image-size", "320")
        unexpected = [line for line in outcome.stderr.splitlines() if "MEL_DEBUG_TRACEBACK" in line]
        assert not unexpected
        Path(f"{small}.json").unlink(missing_ok=True)
        mark(usual, (MOLE, 80, 60), (OTHER_MOLE, 200, 120))
