"""Add lists, manifests and metadata files to the ledger before the first call."""
