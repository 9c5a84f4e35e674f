"""Picture files: their formats, whether they are complete, and where they are stored."""
