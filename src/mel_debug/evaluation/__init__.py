"""Evaluation on labelled photos: accuracy, confidence, speed and memory."""
