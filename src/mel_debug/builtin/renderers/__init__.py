"""The built-in renderers."""
