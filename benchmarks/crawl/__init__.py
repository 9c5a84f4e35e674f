"""Benchmarks of a crawl: pictures, API calls, memory, the ledger, and metadata files."""
