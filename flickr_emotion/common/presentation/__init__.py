"""How results are shown: HTML pages, figures, tables. What they show lies with each result."""
