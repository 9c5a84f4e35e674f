"""``inspect``: shows what a data set holds, as tables and as an HTML page."""
