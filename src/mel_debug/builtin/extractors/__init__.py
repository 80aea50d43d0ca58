"""The built-in feature extractors."""
