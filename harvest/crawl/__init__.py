"""The crawl: its options, its plan, its two stages, its progress and its status."""
