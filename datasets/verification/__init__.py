"""``verify``: checks whether files on disk are damaged."""
