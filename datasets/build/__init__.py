"""``build-splits``: judging posts and writing them."""
