"""The clock of a crawl: wall-clock time that never jumps while the process runs.

A crawl runs for days, and its quota outlives it, so its times are wall-clock times. But that clock
is sometimes reset, by hand or by the network, and a pacer that followed it could wait for months or
ask too much at once. So the wall clock is read once at the start, and a steady clock from then on.
"""

import time

# CLOCK_BOOTTIME, where it exists, also counts the time that a laptop sleeps.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_OFFSET = time.time() - time.clock_gettime(_STEADY)


def now() -> float:
    """Return unix seconds."""
    return _OFFSET + time.clock_gettime(_STEADY)
