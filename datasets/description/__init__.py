"""What describes a data set to others: `dataset.json`, the card, Croissant."""
