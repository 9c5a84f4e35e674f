"""API calls: their outcomes and retries, and which listings are worth a call."""
