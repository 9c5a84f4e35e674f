"""``export``: a run as files for programs without this project and without torch."""
