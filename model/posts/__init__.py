"""Posts as numbers."""
