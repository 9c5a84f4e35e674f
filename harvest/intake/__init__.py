"""What goes into the ledger before the first call: lists, manifests, metadata files."""
