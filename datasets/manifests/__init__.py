"""The commands on manifests: export, verify and diff."""
