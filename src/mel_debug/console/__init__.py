"""Parsing numbers and printing, for built-in commands and those of plugins."""
