"""Where posts come from: a harvest, or a file of one's own."""
