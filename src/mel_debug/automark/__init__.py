"""Whole sessions: pairing photos, searching, joint inference, decisions, and writing the marks."""
