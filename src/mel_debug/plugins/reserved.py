"""The names of built-in commands, which plugins can't use."""

RESERVED_COMMANDS = frozenset(
    (
        "automark3",
        "cache",
        "calibrate",
        "changes",
        "compare-marks",
        "demo",
        "dino3-map",
        "doctor",
        "evaluate",
        "explore",
        "find",
        "history",
        "mark",
        "moles",
        "new-plugin",
        "plugins",
        "precalc",
        "review",
        "runs",
        "undo",
        "unmark",
    )
)
