"""The commands that ship: name and module. No plugin may take their names."""

COMMANDS = {
    "automark3": "mel_debug.cli.automark3",
    "cache": "mel_debug.cli.cache",
    "calibrate": "mel_debug.cli.calibrate",
    "compare-marks": "mel_debug.cli.compare_marks",
    "demo": "mel_debug.cli.demo",
    "dino3-map": "mel_debug.cli.dino3_map",
    "evaluate": "mel_debug.cli.evaluate",
    "moles": "mel_debug.cli.moles",
    "plugins": "mel_debug.cli.plugins",
    "precalc": "mel_debug.cli.precalc",
    "synth": "mel_debug.cli.synth",
}
"""Each module has a `command`; it imports nothing heavy at module level."""
