"""The built-in corpus: simulated posts, drawn and written."""
