"""Takes withdrawn posts out of a data set."""
