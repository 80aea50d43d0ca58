"""The built-in extractors, matchers and renderers, registered through the public plugin hooks."""
