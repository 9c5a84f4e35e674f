"""Marks runs that were trained on withdrawn posts, and takes the posts out of their folders."""
