"""Bytes to pixels: the one place where pictures are opened, for builds, features and pages."""
