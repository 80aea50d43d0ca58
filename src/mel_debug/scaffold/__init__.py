"""Writes the package of a new plugin from the template that ships with mel-debug."""
