"""From the evidence of a match to a probability and a radius: blobs, calibrations and their fitting."""
