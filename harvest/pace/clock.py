"""The time that a crawl goes by: wall-clock time that never jumps while the process lives.

A crawl runs for days, and its quota outlives it, so its times are those of the wall clock. But
that clock is set now and then, by hand or by the network: a pacer that followed it would wait for
months, or ask too much at once. So the wall clock is read once, and from then on a clock that
nobody sets.
"""

import time

# Counts a laptop's sleep too, where there is such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_OFFSET = time.time() - time.clock_gettime(_STEADY)


def now() -> float:
    """Return unix seconds."""
    return _OFFSET + time.clock_gettime(_STEADY)
