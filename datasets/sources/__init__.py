"""Where posts come from: a harvest, or the user's own file."""
