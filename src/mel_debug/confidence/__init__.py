"""From the evidence of a match to its probability and radius, by fitted calibrations."""
