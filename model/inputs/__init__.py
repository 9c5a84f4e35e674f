"""What a network is fed: selected posts, splits, batches."""
