"""The inputs of a network: selected posts, splits, batches."""
