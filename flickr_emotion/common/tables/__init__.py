"""Reads tables that others wrote: delimited text, JSON lines and Parquet, plain or packed."""
