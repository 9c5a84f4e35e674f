"""Commands on manifests: export, verify, diff."""
