"""The file format of manifests: rows, description and digest."""
