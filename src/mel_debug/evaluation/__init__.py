"""Labelled photos in, measures out: how often right, how fast, and how far to be trusted."""
