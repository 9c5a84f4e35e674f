"""The data set folder: its layout, how it is written and how it is read."""
