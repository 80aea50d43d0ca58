"""What ships: extractors, matchers and renderers, through the same door as a third party's."""
