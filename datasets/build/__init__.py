"""``build-splits``: judges posts, draws splits and writes the data set."""
