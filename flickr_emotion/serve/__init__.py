"""The page of ``serve``: look through a data set, correct it, try a run, watch a crawl."""
