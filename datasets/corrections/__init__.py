"""Corrections of posts: the table that readers make, and what a build makes of it."""
