"""Which labels look wrong: ``inspect --suspects``."""
