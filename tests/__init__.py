"""Tests that talk to the real thing: the sandbox over HTTP, real files, real processes."""
