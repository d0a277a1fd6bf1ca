"""Keeps what the C library would give back to the system after every step.

XLA asks for the temporary memory of a compiled program anew at each call, from a thread of its own. glibc takes large
blocks from the system and returns them at once, so that every page of them is faulted in and cleared at every step:
about 0.2 ms a megabyte, which was a third of the step of a ResNeXt
(``python benchmarks/kernels.py memory``). Three parameters of `mallopt` (3) make it keep up
to a gigabyte for the next step, for the whole process: the two thresholds, and one arena, since the arenas of other
threads are made of pieces of 64 MB and map whatever is larger.

The number of arenas counts only before XLA's threads first allocate, so `fnn.functional` calls this when it is
imported. FNN_RETAIN_MEMORY=0 in the environment leaves the C library as it is.
"""

import ctypes
import functools
import os

_KEPT = 1 << 30  # bytes
_PARAMETERS = {-8: 1, -3: _KEPT, -1: _KEPT}  # M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD of malloc.h


@functools.cache
def retain() -> bool:
    """Sets the parameters, once.

    Returns:
        Whether they are set: with glibc only, and not where the environment forbids it.
    """
    if os.environ.get("FNN_RETAIN_MEMORY", "1") == "0":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows has no CDLL(None)
        return False
    return all([mallopt(parameter, value) for parameter, value in _PARAMETERS.items()])
