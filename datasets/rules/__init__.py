"""The rules of a data set: labels, texts, tags, pictures, splits, groups."""
