"""Readers of the published lists, one module for each format."""
