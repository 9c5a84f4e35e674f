"""``predict``: answers for posts, one at a time or files of them."""
