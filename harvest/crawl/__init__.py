"""The crawl: its options, plan, stages, progress and status."""
