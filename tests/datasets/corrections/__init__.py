"""Tests of corrections of posts."""
