"""The ledger's tables and the rows in them: all SQL on what is known of photos."""
