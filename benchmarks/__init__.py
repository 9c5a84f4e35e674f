"""Benchmarks against a plain implementation, both sides in one run."""
