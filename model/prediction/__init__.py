"""``predict`` and ``export``."""
