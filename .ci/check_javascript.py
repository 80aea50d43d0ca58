"""Check types and format of the page's scripts, with TypeScript and Prettier from npm.

Says so and succeeds where Node is not installed, or where npm cannot fetch the two packages.
"""

import shutil
import subprocess
import sys
from pathlib import Path

STATIC = Path(__file__).parents[1] / "src" / "mel_debug" / "page" / "static"
TYPESCRIPT, PRETTIER = "typescript@5.9", "prettier@3.6"


def main() -> int:
    """Run both checks; returns the first exit code that is not 0."""
    npx = shutil.which("npx")
    if npx is None:
        print("skipped: Node is not installed, so types of the scripts are not checked")
        return 0
    files = sorted(str(path) for path in STATIC.iterdir() if path.suffix in {".js", ".css", ".html"})
    checks = (
        ("-p", TYPESCRIPT, "tsc", "-p", str(STATIC / "jsconfig.json")),
        ("-p", PRETTIER, "prettier", "--print-width", "100", "--check", *files),
    )
    for package in (TYPESCRIPT, PRETTIER):
        fetched = subprocess.run([npx, "--yes", "-p", package, "node", "-e", "0"], check=False)
        if fetched.returncode:
            print(f"skipped: npm cannot fetch {package}")
            return 0
    codes = (subprocess.run([npx, "--yes", *check], check=False).returncode for check in checks)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
