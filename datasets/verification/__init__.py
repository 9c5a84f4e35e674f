"""``verify``: whether what is on disk is what was written."""
