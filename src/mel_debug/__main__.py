"""`python -m mel_debug` is `mel-debug`."""

from mel_debug.cli.main import main

main(prog_name="mel-debug")
