"""API calls: which outcome each has, and which listing is worth its call."""
