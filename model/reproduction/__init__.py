"""The paper's tables and figures, with its numbers beside ours (``docs/results.md``)."""
