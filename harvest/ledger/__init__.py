"""The ledger: one SQLite file that records what is known of every photo."""
