"""Whole sessions: which photos to search for which moles, what is decided, and what is written."""
