"""Check that the pictures on disk are those that the ledger records."""
