"""Posts to Parquet data sets with honest splits."""
