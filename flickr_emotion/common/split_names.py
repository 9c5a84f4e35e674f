"""The three splits of a data set, in the order in which it lists them."""

SPLITS = TRAIN, VALIDATION, TEST = "train", "validation", "test"

JUDGED = TEST, VALIDATION
"""The splits that a trained network is judged on."""
