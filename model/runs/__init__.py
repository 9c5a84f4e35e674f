"""Run folders: written, locked, checked, read back."""
