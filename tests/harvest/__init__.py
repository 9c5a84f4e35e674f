"""Tests of the harvest, against the sandbox over HTTP."""
