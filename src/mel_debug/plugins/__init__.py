"""Hooks, discovery, the registry, presets, and the checked configuration of a run."""
