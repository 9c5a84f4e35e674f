"""The names of the three splits of a data set, in their usual order."""

SPLITS = TRAIN, VALIDATION, TEST = "train", "validation", "test"

JUDGED = TEST, VALIDATION
"""The splits that a trained network is evaluated on."""
