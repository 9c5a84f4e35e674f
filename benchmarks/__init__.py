"""Measurements against the plain way, both sides in one run."""
