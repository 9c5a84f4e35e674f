"""Benchmarks of the sandbox and its simulation, and the paper's results on it."""
