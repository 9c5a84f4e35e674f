"""Benchmarks of data sets and manifests at the size of the published lists."""
