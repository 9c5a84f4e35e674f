"""What the cards of data sets and of runs share."""
