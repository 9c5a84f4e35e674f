"""What all parts need to take a withdrawn post down: tombstones, and files that may hold it."""
