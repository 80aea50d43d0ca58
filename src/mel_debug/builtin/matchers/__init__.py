"""The matchers that ship."""
