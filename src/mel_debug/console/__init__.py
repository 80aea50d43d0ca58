"""What every command uses to parse numbers and to print, those of plugins included."""
