"""How many cores this process may use: schedulers and containers give it fewer than there are."""

import os


def usable_cores() -> int:
    """Return the number of cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compute_threads() -> int:
    """Return how many threads are to compute: those of OMP_NUM_THREADS, by default all cores."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(given)) if given.isdecimal() else usable_cores()
