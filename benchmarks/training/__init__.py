"""Benchmarks of training: speed beside a plain implementation, features, a GPU, loss curves."""
