"""The feature extractors that ship."""
