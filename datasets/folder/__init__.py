"""The data set folder: what it holds, how it is written and read."""
