"""The manifest's file format: its rows, its description, its digest."""
