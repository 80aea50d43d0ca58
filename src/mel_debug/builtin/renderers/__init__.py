"""The renderers that ship."""
