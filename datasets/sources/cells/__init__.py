"""What a cell of the user's own posts means: values, tags, and what a column seems to hold."""
