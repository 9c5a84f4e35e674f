"""Tests of the page of `serve`."""
