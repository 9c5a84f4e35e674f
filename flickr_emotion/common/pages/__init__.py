"""Reads Parquet files in batches of few bytes, however large their pages are."""
