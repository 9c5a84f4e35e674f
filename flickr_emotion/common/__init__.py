"""Code that harvest, data sets and model share: errors, files, progress, names, modalities."""
