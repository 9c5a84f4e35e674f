"""The built-in corpus: simulated posts with drawn pictures and generated texts."""
