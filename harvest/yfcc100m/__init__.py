"""Readers of YFCC100M's metadata files."""
