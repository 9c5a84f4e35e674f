"""The report of runs: one page, with figures and tables to print (``docs/report.md``)."""
