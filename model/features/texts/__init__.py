"""Frozen readers: what turns texts and tags into features that training does not change."""
