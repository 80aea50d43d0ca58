"""The built-in matchers."""
