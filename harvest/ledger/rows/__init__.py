"""The ledger's tables and all SQL statements on their rows."""
