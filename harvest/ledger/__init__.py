"""The ledger: one SQLite file that records what is known about every photo."""
